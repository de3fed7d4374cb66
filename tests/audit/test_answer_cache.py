"""Answers of earlier audits: taken where nothing has changed, and nobody else can plant one."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from pathlib import Path

import pytest

from xnai.audit import answer_cache, engine, tool_answers
from xnai.audit.answer_cache import AnswerCache, directory, is_ours
from xnai.audit.engine import audit
from xnai.audit.options import Options

MAKEFILE = ".PHONY: all\nall:\n\tkillall python\n\techo 'x'\n"
DOCKERFILE = "FROM docker.io/library/debian\nUSER 1000\n"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    """A cache of the test's own, where the audited tree is not."""
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    monkeypatch.setattr(answer_cache, "is_ours", lambda path: _safe_below(tmp_path, path))
    return folder


def _safe_below(top: Path, path: Path) -> bool:
    """The real check, but for the directories above the test's own, which pytest made."""
    return all(not one.is_symlink() and one.stat().st_uid == os.geteuid()
               and not one.stat().st_mode & 0o022
               for one in (path, *path.parents) if one.is_relative_to(top))


@pytest.fixture
def source(tmp_path) -> Path:
    root = tmp_path / "tree"
    root.mkdir()
    (root / "Makefile").write_text(MAKEFILE)
    (root / "Dockerfile").write_text(DOCKERFILE)
    (root / "other.txt").write_text("read by nothing\n")
    return root


def times_asked(monkeypatch) -> list[str]:
    """A list that grows with each process of a tool, and each whole audit."""
    asked: list[str] = []
    run, whole = tool_answers.run, engine._audited
    monkeypatch.setattr(tool_answers, "run", lambda tool, texts: (
        asked.append(tool.name), run(tool, texts))[1])
    monkeypatch.setattr(engine, "_audited", lambda *a: (asked.append("audit"), whole(*a))[1])
    return asked


def test_a_second_audit_of_the_same_tree_asks_nobody(source, monkeypatch):
    asked = times_asked(monkeypatch)
    first = audit(source, Options())
    count = len(asked)
    assert {"audit", "hadolint", "shellcheck"} <= set(asked)
    assert audit(source, Options()) == first
    assert len(asked) == count


@pytest.mark.parametrize("change", ["content", "a new file", "an option", "a removed file"])
def test_a_change_is_judged(source, monkeypatch, change):
    audit(source, Options())
    asked = times_asked(monkeypatch)
    options = Options()
    if change == "content":
        (source / "Makefile").write_text(MAKEFILE.replace("killall", "pgrep"))
    elif change == "a new file":
        (source / "compose.yml").write_text("services: {}\n")
    elif change == "a removed file":
        (source / "other.txt").unlink()
    else:
        options = Options(exclude=("Makefile",))
    found = audit(source, options)
    assert "audit" in asked
    dangerous = any(one.rule == "make_dangerous_command" for one in found.findings)
    assert dangerous == (change in {"a new file", "a removed file"})


def test_what_did_not_change_is_not_asked_about_again(source, monkeypatch):
    audit(source, Options())
    asked = times_asked(monkeypatch)
    (source / "Dockerfile").write_text(DOCKERFILE + "CMD true\n")
    audit(source, Options())
    assert asked == ["audit", "hadolint"]


def test_another_version_of_a_tool_is_asked(source, monkeypatch):
    audit(source, Options())
    asked = times_asked(monkeypatch)
    identity = tool_answers.identity
    for module in ("tool_answers", "stored_reports"):
        monkeypatch.setattr(f"xnai.audit.{module}.identity",
                            lambda name: identity(name) + " newer" * (name == "hadolint"))
    audit(source, Options())
    assert asked == ["audit", "hadolint"]


def test_without_a_cache_nothing_is_kept(source, home):
    audit(source, Options(cache=False))
    assert list(home.iterdir()) == []


def test_nobody_else_can_read_it(source, home):
    audit(source, Options())
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.rglob("*")}
    assert modes == {"xnai": 0o700, "audit.sqlite": 0o600}


def test_a_torn_file_is_begun_anew(source, home):
    audit(source, Options())
    (home / "xnai/audit.sqlite").write_bytes(b"nonsense" * 1000)
    first = audit(source, Options())
    assert first.findings
    audit(source, Options())
    with sqlite3.connect(home / "xnai/audit.sqlite") as file:
        assert file.execute("SELECT count(*) FROM answers").fetchone()[0] > 0


def test_it_stays_small(home, monkeypatch):
    monkeypatch.setattr(answer_cache, "MAX_BYTES", 10_000)
    cache = AnswerCache()
    for number in range(40):
        cache.put({f"key{number}": "x" * 1_000})
    assert sum(len(json.dumps(one)) for one in cache.get(
        f"key{number}" for number in range(40)).values()) < 12_000
    assert cache.get(["key39"]) == {"key39": "x" * 1_000}


def test_a_relative_directory_is_ignored(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert directory() == Path("/home/somebody/.cache/xnai")


@pytest.mark.parametrize("how", ["writable by others", "a link", "somebody else's"])
def test_what_others_could_have_written_is_not_taken(tmp_path, home, how):
    folder = home / "xnai"
    folder.mkdir(mode=0o700)
    if how == "writable by others":
        home.chmod(0o777)
    elif how == "a link":
        folder.rmdir()
        (tmp_path / "elsewhere").mkdir()
        folder.symlink_to(tmp_path / "elsewhere")
    elif os.geteuid() == 0:
        os.chown(folder, 65534, 65534)
    else:
        return  # only root can give a directory away
    cache = AnswerCache()
    cache.put({"a": 1})
    assert cache.get(["a"]) == {}


def test_the_real_check_of_owners(tmp_path):
    # /tmp is everybody's and sticky: nobody can replace there what is another's.
    assert is_ours(Path("/usr/bin"))
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    (shared / "mine").mkdir()
    assert not is_ours(shared / "mine")
    assert not is_ours(tmp_path / "nowhere")
