"""The Redis stand-in's entry point does what the official image documents."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from xnai.lab.standins.definitions import REDIS

REDIS_ENTRYPOINT = REDIS.script
NO_GUARD = "--protected-mode no"


def _run(tmp_path: Path, uid: int, *words: str) -> list[str]:
    """Run it with stubs that print how they were called; the lines printed."""
    stubs = tmp_path / "stubs"
    stubs.mkdir()
    for name in ("find", "setpriv", "redis-server", "other"):
        (stubs / name).write_text(f'#!/bin/sh\necho {name} "$@"\n')
    (stubs / "id").write_text(f"#!/bin/sh\necho {uid}\n")
    for stub in stubs.iterdir():
        stub.chmod(0o755)
    env = {"PATH": f"{stubs}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", str(REDIS_ENTRYPOINT), *words],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_as_root_data_is_handed_over_before_rights_are_dropped(tmp_path: Path) -> None:
    assert _run(tmp_path, 0, "redis-server") == [
        r"find . ! -user redis -exec chown redis {} +",
        "setpriv --reuid=redis --regid=redis --clear-groups -- "
        f"{REDIS_ENTRYPOINT} redis-server {NO_GUARD}",
    ]


@pytest.mark.parametrize(
    ("words", "called"),
    [
        (["redis-server"], f"redis-server {NO_GUARD}"),
        (["--save", "60"], f"redis-server --save 60 {NO_GUARD}"),
        (["redis-server", "--protected-mode", "yes"], "redis-server --protected-mode yes"),
        (["plain.conf"], f"redis-server plain.conf {NO_GUARD}"),
        (["guarded.conf"], "redis-server guarded.conf"),
        (["other", "x"], "other x"),
    ],
)
def test_as_another_user(tmp_path: Path, words: list[str], called: str) -> None:
    (tmp_path / "plain.conf").write_text("save 60 1\n")
    (tmp_path / "guarded.conf").write_text("protected-mode yes\n")
    assert _run(tmp_path, 999, *words) == [called]
