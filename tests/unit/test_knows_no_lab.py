"""What provisions a host never knows that it is one of the throw-away machines."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# The command registers its subcommand, and the list of known groups names the group's file.
MAY_NAME_IT = {"xnai/cli/command.py", "xnai/settings/layers.py"}
# What a report tells of a machine; nothing that provisions one imports it.
TOLD = "xnai/facts/system.py"

BRANCHES = {
    "user-mode Linux": re.compile(r"\buml\b", re.IGNORECASE),
    "the lab": re.compile(r"(?<![A-Za-z])lab(?![A-Za-z])", re.IGNORECASE),
    "what kind of machine it is": re.compile(r"systemd-detect-virt|hypervisor|/sys/class/dmi"),
    "a lab's network": re.compile(r"\b10\.0\.2\.\d"),
}


def sources() -> list[Path]:
    """Everything that a deploy reads or runs."""
    found = [ROOT / "deploy.py", ROOT / "inventory.py"]
    for folder in ("tasks", "templates", "group_data", "xnai", "files"):
        found += [
            path for path in (ROOT / folder).rglob("*")
            if path.is_file() and not {"__pycache__", "tests"} & set(path.parts)
            and not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
            and not {ROOT / "xnai/lab", ROOT / "xnai/audit"} & set(path.parents)
        ]
    return sorted(found)


def test_there_is_something_to_read():
    names = {str(path.relative_to(ROOT)) for path in sources()}
    assert {"deploy.py", "tasks/memory.py", "group_data/all.py", "xnai/settings/layers.py"} <= names
    assert names >= MAY_NAME_IT
    assert not any(name.startswith("xnai/lab/") for name in names)


@pytest.mark.parametrize("what", BRANCHES)
def test_nothing_branches_on(what):
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sources()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if BRANCHES[what].search(line)
        and not (what == "the lab" and str(path.relative_to(ROOT)) in MAY_NAME_IT)
        and not (what == "what kind of machine it is" and path == ROOT / TOLD)
    ]
    assert found == []


def test_only_a_report_asks_what_kind_of_machine_it_is():
    found = [
        str(path.relative_to(ROOT)) for path in sources()
        if path.suffix == ".py" and "xnai.facts.system" in path.read_text("utf-8")
    ]
    assert found == ["xnai/reports/machine.py"]


def test_only_the_command_imports_it():
    found = [
        str(path.relative_to(ROOT)) for path in sources()
        if path.suffix == ".py" and "xnai.lab" in path.read_text("utf-8")
    ]
    assert found == ["xnai/cli/command.py"]
