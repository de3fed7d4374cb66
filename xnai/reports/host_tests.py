"""tests/host run against a host of the inventory, and what came of each test."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xnai.run.inspect import Where

ROOT = Path(__file__).resolve().parents[2]
# They take three minutes on a slow machine.
LIMIT_S = 1800
_MOST_WORDS = 400


def argv(name: str, data: Mapping[str, Any], where: Where, report: Path) -> list[str]:
    """Return pytest's command line.

    Args:
        name: of the host in the inventory.
        data: the host's, as pyinfra's SSH connector reads it.
        where: which inventory.
        report: where the results are written.
    """
    words = [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(ROOT / "tests/host"),
        f"--junitxml={report}",
    ]
    if name == "@local":
        words.append("--hosts=local://")
    else:
        # By its name, which the tests look up in the inventory; what is behind it is said apart.
        words.append(f"--hosts=ssh://{name}")
        options = {
            "HostName": data.get("ssh_hostname"), "Port": data.get("ssh_port"),
            "User": data.get("ssh_user"), "IdentityFile": data.get("ssh_key"),
            "UserKnownHostsFile": data.get("ssh_known_hosts_file"), "BatchMode": "yes",
        }
        given = " ".join(f"-o {key}={value}" for key, value in options.items() if value)
        words.append(f"--ssh-extra-args={given}")
        if config := data.get("ssh_config_file"):
            words.append(f"--ssh-config={config}")
    if data.get("ssh_user", "root") != "root" or (name == "@local" and os.geteuid()):
        words.append("--sudo")
    for directory in where.group_data:
        words += ["--group-data", directory]
    for item in where.data:
        words += ["--data", item]
    return words


def run(name: str, data: Mapping[str, Any], where: Where) -> dict[str, Any]:
    """Run them, read only; return counts and cases, or the error that kept them from running.

    Args:
        name: of the host in the inventory.
        data: the host's.
        where: which inventory.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        try:
            done = subprocess.run(
                argv(name, data, where, report), cwd=ROOT, stdin=subprocess.DEVNULL,
                capture_output=True, text=True, check=False, timeout=LIMIT_S,
            )
        except subprocess.TimeoutExpired:
            return {"error": f"not at their end after {LIMIT_S} s"}
        if not report.exists():
            return {"error": _shortened((done.stdout + done.stderr).strip().splitlines()[-5:])}
        return counted(ElementTree.parse(report).getroot())  # noqa: S314  (pytest's own)


def counted(root: ElementTree.Element) -> dict[str, Any]:
    """Return counts and cases of a report of pytest's.

    Args:
        root: of the XML.
    """
    cases = []
    for case in root.iter("testcase"):
        outcome, words = "passed", ""
        for kind in ("failure", "error", "skipped"):
            if (found := case.find(kind)) is not None:
                outcome = {"failure": "failed", "error": "failed"}.get(kind, kind)
                words = found.get("message", "")
        file = case.get("classname", "").rpartition(".")[2]
        one = {"test": f"{file}::{case.get('name', '')}", "outcome": outcome}
        cases.append(one | ({"words": words[:_MOST_WORDS]} if words else {}))
    outcomes = [one["outcome"] for one in cases]
    return {
        **{word: outcomes.count(word) for word in ("passed", "failed", "skipped")}, "cases": cases,
    }


def _shortened(lines: Sequence[str]) -> str:
    return " / ".join(lines)[-_MOST_WORDS:]
