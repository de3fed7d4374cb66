"""Secrets of the user's own: what a file may be, and what is told of its value."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from unit_settings import make

from xnai.facts.podman import StoreFacts, parse_secret_labels
from xnai.stack import own_secrets
from xnai.stack.catalogue import secret_forms, source_misfits
from xnai.stack.differences import changed_secrets, missing_secrets
from xnai.stack.own_secrets import SecretRefused, label, read

NONE_THERE = StoreFacts((), {}, {}, frozenset(), {}, enabled=True, set_up=True)


@pytest.fixture
def key(tmp_path):
    """A file with a value that nobody else may read."""
    path = tmp_path / "openai"
    path.write_text("sk-secret\n")
    path.chmod(0o600)
    return path


def settings(key):
    return make(own_secrets={"jwt_key": None, "openai_api_key": str(key)})


def test_one_is_made_and_one_is_stored(key):
    wanted = settings(key)
    assert secret_forms(wanted)[-2:] == ({"xnai_jwt_key": "%s"}, {"xnai_openai_api_key": "%s"})
    made = [missing for _, missing in missing_secrets(wanted, NONE_THERE)]
    assert ["xnai_jwt_key"] in made and ["xnai_openai_api_key"] not in made
    assert changed_secrets(wanted, NONE_THERE) == {
        "xnai_openai_api_key": (b"sk-secret", "absent")
    }


def test_another_value_is_stored_and_the_same_is_not(key):
    wanted = settings(key)

    def there(said):
        labels = parse_secret_labels([
            {"Spec": {"Name": "xnai_openai_api_key", "Labels": said}},
            {"Spec": {"Name": "xnai_jwt_key", "Labels": None}},
        ])
        return StoreFacts(
            (), {"xnai_openai_api_key": "id"}, {}, frozenset(), {}, enabled=True, set_up=True,
            secret_labels=labels,
        )

    assert changed_secrets(wanted, there({"io.xnai.value": label(b"sk-secret")})) == {}
    # A restored one has no label; a wrong one is as good as none.
    for said in ({}, {"io.xnai.value": label(b"sk-other")}, {"io.xnai.value": "zz:1"}):
        (found,) = changed_secrets(wanted, there(said)).values()
        assert found == (b"sk-secret", "its file holds another value")


@effort(max_examples=20, deadline=None)
@given(st.binary(min_size=1, max_size=40), st.binary(min_size=1, max_size=40))
def test_a_label_tells_values_apart_and_never_shows_one(one, other):
    said = label(one)
    assert own_secrets.is_of(one, said) and own_secrets.is_of(other, said) == (one == other)
    assert said != label(one)  # another salt
    assert one.hex() not in said or len(one) < 4


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [(b"x\n", 0o640, "others may read it (mode 0640): chmod 600"), (b"\n", 0o600, "1 to 65536"),
     (b"a\0b", 0o600, "without NUL"), (b"x" * 65537, 0o600, "1 to 65536 bytes")],
)
def test_what_no_secret_is_read_from(tmp_path, content, mode, said):
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(SecretRefused) as refused:
        read(path)
    assert said in str(refused.value)


def test_no_plain_file(tmp_path):
    os.mkfifo(tmp_path / "fifo", 0o600)
    for name, said in (("fifo", "no plain file"), ("none", "No such file"), (".", "no plain file")):
        with pytest.raises(SecretRefused, match=said):
            read(tmp_path / name)


def test_what_cannot_be_is_told_before_any_change(key):
    assert source_misfits(settings(key), "hosts.py:3") == []
    key.chmod(0o644)
    (said,) = source_misfits(settings(key), "hosts.py:3")
    assert said.startswith(f"own_secrets['openai_api_key'] = '{key}': others may read it")
    assert "sk-secret" not in said
    (said,) = source_misfits(make(own_secrets={"redis_password": None}), "hosts.py:3")
    assert said.startswith("own_secrets['redis_password']: the stack has a secret of that name")
