"""The record of what a host was: what is written is read, and what is damaged is said."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit_settings import make

from tasks.before import ALSO, above, above_files, damage, files, other_kept, other_user
from xnai.record.baseline import KEPT, Before, DamagedRecord, OldFile, OldUser, OldZram, parse
from xnai.record.baseline import RECORD as PATH

RECORD = Before(
    sysctls={"vm.swappiness": "60", "vm.dirty_ratio": "0", "vm.dirty_bytes": "50000000"},
    zswap=True,
    zram=OldZram(True, True, 4096, "lz4", 100),
    user=OldUser("me", True, False, ("me:100000:65536",), ()),
    files={"/etc/tmpfiles.d/90-xnai.conf": OldFile(b"\xff\x00mine\n", "0640", "root", "adm")},
    existing=frozenset({"/etc", "/home/me/.config"}),
)
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=9)
RECORDS = st.builds(
    Before,
    sysctls=st.dictionaries(WORDS, WORDS, max_size=3),
    zswap=st.none() | st.booleans(),
    zram=st.builds(OldZram, st.booleans(), st.booleans(), st.integers(), WORDS, st.integers()),
    user=st.builds(
        OldUser, WORDS, st.booleans(), st.booleans(), st.lists(WORDS, max_size=2).map(tuple),
        st.lists(WORDS, max_size=2).map(tuple),
    ),
    files=st.dictionaries(
        WORDS.map(lambda word: f"/x{word}"),
        st.builds(OldFile, st.binary(max_size=9), st.just("0644"), WORDS, WORDS), max_size=2,
    ),
    existing=st.frozensets(WORDS.map(lambda word: f"/x{word}"), max_size=3),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(sorted(json.loads(RECORD.text()))) | WORDS, inner),
    max_leaves=8,
)


@given(RECORDS)
def test_what_is_written_is_read(record):
    assert parse(record.text().encode()) == record


@given(st.integers(0, len(RECORD.text()) - 2))
def test_one_that_is_cut_short_is_damaged(length):
    with pytest.raises(DamagedRecord):
        parse(RECORD.text().encode()[:length])


@given(st.binary())
def test_bytes_of_any_kind_are_damaged(content):
    with pytest.raises(DamagedRecord):
        parse(content)


@given(st.data())
def test_a_value_of_any_kind_at_any_place_is_read_or_damaged(data):
    values = json.loads(RECORD.text())
    at = values
    while True:
        key = data.draw(st.sampled_from(sorted(at)))
        if isinstance(at[key], dict) and data.draw(st.booleans()):
            at = at[key]
            continue
        if data.draw(st.booleans()):
            at[key] = data.draw(JSON)
        else:
            del at[key]
        break
    try:
        parse(json.dumps(values).encode())
    except DamagedRecord as damaged:
        assert str(damaged) and "\n" not in str(damaged)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b"\xff\xfe", "it is no text"),
        (b"{", "it is no JSON"),
        (b"[" * 100000, "it is no JSON"),
        (b"[]", "the whole is no JSON object but []"),
        (b"{}", "format is None, 1 is known"),
        (b'{"format": 2}', "format is 2, 1 is known"),
        (b'{"format": 1}', "zram is missing"),
        (b'{"format": 1, "zram": {"algorithm": ""}}',
         "zram lacks disksize_mib, generator, priority, swap_active"),
    ],
)
def test_what_is_wrong_is_said(content, said):
    with pytest.raises(DamagedRecord) as damaged:
        parse(content)
    assert str(damaged.value) == said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sysctls": {"vm.swappiness": 60}}, "sysctls.vm.swappiness is 60, not a line of text"),
        ({"sysctls": {"vm.swappiness": "6\n0"}}, "not a line of text"),
        ({"zswap": "Y"}, "zswap is 'Y', not true, false or null"),
        ({"existing": ["etc"]}, "'etc' is no absolute path"),
        ({"existing": ["/home/../etc"]}, "'/home/../etc' is no absolute path"),
        ({"files": {"/x": {"content_base64": "*", "mode": "0644", "owner": "", "group": ""}}},
         "the content of /x is no base64"),
        ({"files": {"/x": {"content_base64": "", "mode": "u+s", "owner": "", "group": ""}}},
         "the mode of /x is 'u+s', not one like 0644"),
    ],
)
def test_a_wrong_value_is_said(change, said):
    with pytest.raises(DamagedRecord) as damaged:
        parse(json.dumps(json.loads(RECORD.text()) | change).encode())
    assert said in str(damaged.value)


def test_what_is_recorded_is_never_changed():
    added = RECORD.with_sysctls({"vm.swappiness": "180", "vm.new": "1"})
    assert added.sysctls == RECORD.sysctls | {"vm.new": "1"}


def test_a_new_record_keeps_what_was_known_of_a_user_that_was_kept():
    kept = Before(
        sysctls={"vm.swappiness": "1"}, zswap=False, zram=OldZram(False, False, 0, "", 0),
        user=OldUser("xnai", False, False, (), ()), files={},
        existing=frozenset({"/etc", "/etc/subuid", "/opt"}),
    )
    new = Before(
        sysctls={"vm.swappiness": "60"}, zswap=True, zram=OldZram(True, True, 1, "lz4", 5),
        user=OldUser("xnai", True, True, ("xnai:1:2",), ("xnai:1:2",)), files={},
        existing=frozenset({
            "/etc", "/home/xnai/.config", "/etc/subgid", "/home/xnai2/.config",
        }),
    )
    both = new.with_kept(kept, "/home/xnai")
    assert both.user == OldUser("xnai", False, True, (), ())
    assert (both.sysctls, both.zswap, both.zram) == (new.sysctls, True, new.zram)
    assert both.existing == {"/etc", "/etc/subuid", "/home/xnai2/.config"}


def test_every_file_that_a_deploy_may_write_is_looked_for():
    found = files(make())
    assert {
        "/etc/sysctl.d/90-xnai.conf", "/etc/systemd/zram-generator.conf.d/90-xnai.conf",
        "/etc/tmpfiles.d/90-xnai.conf", "/usr/local/bin/xnai-podman",
        "/etc/systemd/system/user.slice.d/90-xnai.conf", "/etc/systemd/user/xnai-stack.service",
    } <= set(found)
    assert "/etc/systemd/user/default.target.wants" in above_files(make())


def test_directories_of_files_that_later_settings_name_are_looked_for():
    later = dataclasses.replace(make(), extra_ca_certificates=(__file__,))
    assert set(above_files(later)) <= {*above_files(make()), *ALSO}


def test_directories_above_files_the_deepest_first():
    found = above(["/a/b/x", "/a/c/d/y", ".config/z"])
    assert found == ["/a/c/d", "/a/b", "/a/c", "/a", ".config"]


def test_an_error_says_what_is_wrong_and_what_to_do():
    text = damage(PATH, DamagedRecord("it is empty"))
    assert f"({PATH}) is damaged: it is empty" in text and "Nothing was changed." in text
    assert f"mv {PATH} /root/" in text


def test_another_user_than_the_records_is_told_what_to_do():
    text = other_user(make(stack_user="me"), "xnai")
    assert "stack_user is 'me'" in text and f"begun with 'xnai' ({PATH})" in text
    assert "tasks/teardown.py --data stack_user=xnai." in text and "Nothing was changed." in text
    text = other_kept(make(), "me", "desk")
    assert "stack_user is 'xnai'" in text and "kept data of 'me'" in text
    assert "--data stack_user=me --data purge=desk" in text and f"sudo rm {KEPT}" in text
