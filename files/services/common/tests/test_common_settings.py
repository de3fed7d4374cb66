"""service_common.env and service_common.secret."""

from __future__ import annotations

import pytest
from service_common import env, secret


def test_text_is_stripped(monkeypatch):
    monkeypatch.setenv("PLACE", "  /data ")
    assert env.text("PLACE") == "/data"
    assert env.text("PLACE", "/other") == "/data"


@pytest.mark.parametrize("value", [None, "", "  "])
def test_text_not_set(monkeypatch, value):
    monkeypatch.delenv("PLACE", raising=False)
    if value is not None:
        monkeypatch.setenv("PLACE", value)
    assert env.text("PLACE", "fallback") == "fallback"
    assert env.text("PLACE", "") == ""
    with pytest.raises(SystemExit, match=r"^PLACE .*allowed any text.*; set in .*compose"):
        env.text("PLACE")


@pytest.mark.parametrize(
    ("value", "expected"), [(None, 5), ("", 5), ("1", 1), ("10", 10), ("-3", -3), ("007", 7)]
)
def test_integer(monkeypatch, value, expected):
    monkeypatch.delenv("COUNT", raising=False)
    if value is not None:
        monkeypatch.setenv("COUNT", value)
    assert env.integer("COUNT", 5, -3, 10) == expected


@pytest.mark.parametrize("value", ["-4", "11", "1.5", "1_0", "five", "٣", "--1", "-", "²"])
def test_integer_refused(monkeypatch, value):
    monkeypatch.setenv("COUNT", value)
    with pytest.raises(SystemExit) as ended:
        env.integer("COUNT", 5, -3, 10)
    said = str(ended.value)
    assert said.startswith(f"COUNT = {value!r}: allowed a whole number from -3 to 10; set in ")


def test_listed(monkeypatch):
    monkeypatch.delenv("NAMES", raising=False)
    assert env.listed("NAMES") == frozenset()
    assert env.listed("NAMES", "a") == {"a"}
    monkeypatch.setenv("NAMES", " a, b,,a ,")
    assert env.listed("NAMES") == {"a", "b"}


def test_secret(monkeypatch, tmp_path):
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    assert secret.read("token") is None
    (tmp_path / "token").write_text("  s3cret\n")
    assert secret.read("token") == "s3cret"
    (tmp_path / "token").write_text("\n")
    assert secret.read("token") is None


def test_secret_that_cannot_be_read(monkeypatch, tmp_path):
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    (tmp_path / "token").write_bytes(b"\xffs3cret")
    with pytest.raises(SystemExit, match="token: cannot be read") as ended:
        secret.read("token")
    assert "s3cret" not in str(ended.value)
    (tmp_path / "folder").mkdir()
    with pytest.raises(SystemExit, match="IsADirectoryError"):
        secret.read("folder")
