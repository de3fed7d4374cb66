"""The inventory's first lines: the right pyinfra, and no root-owned file in a checkout."""

from __future__ import annotations

import importlib.metadata
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INVENTORY = ROOT / "inventory.py"


@pytest.fixture(autouse=True)
def _no_other_hosts(monkeypatch):
    monkeypatch.delenv("XNAI_HOSTS", raising=False)


def test_another_pyinfra_gets_one_sentence(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "2.9.2")
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(INVENTORY))
    said = str(stop.value)
    assert said.startswith("pyinfra 2.9.2 runs this, 3.10.0 is needed. ")
    assert "make setup" in said and ".venv/bin/pyinfra" in said and "\n" not in said


@pytest.mark.parametrize("module", ["yaml", "jinja2", "psutil", "click"])
def test_a_pyinfra_without_the_projects_dependencies_gets_one_sentence(monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(INVENTORY))
    assert module in str(stop.value) and "make setup" in str(stop.value)


def test_the_version_is_the_pinned_one():
    pinned = re.search(r'"pyinfra==([^"]+)"', (ROOT / "pyproject.toml").read_text("utf-8"))
    assert pinned and runpy.run_path(str(INVENTORY))["NEEDED"] == pinned[1]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can leave root's files behind")
def test_root_leaves_no_file_in_somebodys_checkout(tmp_path):
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    for path in [tmp_path, *tmp_path.rglob("*")]:
        os.chown(path, 12345, 12345)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [Path(sys.executable).parent / "pyinfra", "inventory.py", "deploy.py", "--dry"],
        cwd=tmp_path, env={**environment, "PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )
    # Whatever the verdict on this machine is, the steps were loaded.
    assert "Loading: deploy.py" in done.stdout + done.stderr
    assert [path for path in tmp_path.rglob("*") if path.stat().st_uid == 0] == []
