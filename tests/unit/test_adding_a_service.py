"""What a contributor adds a service and a sysctl with: a file, a template, an entry of a table."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from unit_settings import ROOT

ADDED = Path(__file__).parent / "added"
TEMPLATE = '{% extends "images/_service.j2" %}\n{% block about %}\n# Notes.\n{% endblock %}\n'
SYSCTL = 'Sysctl("vm.min_free_kbytes", 67584, 1024, 1048576, "Kept free for the kernel."),'


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """A copy of what a deploy reads, with the three additions."""
    copy = tmp_path_factory.mktemp("tree")
    for name in ("xnai", "templates", "files", "group_data"):
        shutil.copytree(
            ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "lab", "audit")
        )
    shutil.copy(ADDED / "notes.py", copy / "xnai/stack/services/notes.py")
    (copy / "templates/images/Dockerfile.notes.j2").write_text(TEMPLATE)
    table = copy / "xnai/memory/sysctl.py"
    text = table.read_text()
    assert text.count("\nSYSCTLS = (\n") == 1
    table.write_text(text.replace("\nSYSCTLS = (\n", f"\nSYSCTLS = (\n    {SYSCTL}\n"))
    return copy


def told(tree: Path, **changes: object) -> dict:
    done = subprocess.run(
        [sys.executable, ADDED / "told.py", tree, json.dumps(changes)],
        capture_output=True, text=True, check=False, env={"PYTHONPATH": str(tree)}, cwd=tree,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_everything_that_names_a_service_knows_it(tree):
    found = told(tree)
    assert found["from"] == str(tree)
    entry = yaml.safe_load(found["compose"])["services"]["notes"]
    assert entry["ports"] == ["127.0.0.1:8010:8010"]
    assert entry["secrets"][0]["source"] == "xnai_notes_key"
    assert entry["mem_limit"] == "48m"
    assert "packages" in found["dockerfile"]
    assert found["ports"]["8010"] == "notes"
    assert found["limits"]["notes"] == [48, 24]
    assert found["volumes"]["xnai_notes"] == "10001:10001"
    assert "xnai_notes_key" in found["secrets"]
    assert "127.0.0.1:8010" in found["status"]
    assert "`notes_port` | `8010`" in found["reference"]
    assert "\nnotes_memory_limit_mib = 48\n" in found["all.py"]


def test_the_sysctl_is_set_checked_and_listed(tree):
    found = told(tree)
    assert "\nvm.min_free_kbytes = 67584\n" in found["sysctl.d"]
    assert found["sysctls"]["vm.min_free_kbytes"] == "vm_min_free_kbytes"
    assert "`vm_min_free_kbytes` | `67584`" in found["reference"]
    assert "= 2000\n" in told(tree, vm_min_free_kbytes=2000)["sysctl.d"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"notes_port": 80}, "notes_port = 80 (--data): at least 1024"),
        ({"notes_port": 8001}, "the port of chainlit_ui_port"),
        ({"notes_memory_limit_mib": 1}, "notes_memory_limit_mib = 1 (--data): at least 16"),
        ({"vm_min_free_kbytes": 1}, "vm_min_free_kbytes = 1 (--data): at least 1024"),
        ({"note_port": 1}, "no setting of that name; did you mean notes_port?"),
    ],
)
def test_a_wrong_value_of_theirs_is_refused_by_name(tree, changes, said):
    (problem,) = told(tree, **changes)["problems"]
    assert said in problem
