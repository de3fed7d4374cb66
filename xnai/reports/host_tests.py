"""tests/host run against a host of the inventory, and what came of each test."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xnai.run.inspect import Where
from xnai.templating.render import ROOT

# They take three minutes on a slow machine.
LIMIT_S = 1800


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
    words.append(f"--hosts={spec_of(name)}")
    if name != "@local":
        options = {
            "HostName": data.get("ssh_hostname"), "Port": data.get("ssh_port"),
            "User": data.get("ssh_user"), "IdentityFile": data.get("ssh_key"),
            "UserKnownHostsFile": data.get("ssh_known_hosts_file"), "BatchMode": "yes",
            "StrictHostKeyChecking": data.get("ssh_strict_host_key_checking"),
        }
        # testinfra hands them to a shell.
        given = " ".join(
            f"-o {shlex.quote(f'{key}={value}')}" for key, value in options.items() if value
        )
        words.append(f"--ssh-extra-args={given}")
        if config := data.get("ssh_config_file"):
            words.append(f"--ssh-config={config}")
    if is_by_sudo(name, data):
        words.append("--sudo")
    for directory in where.group_data:
        words += ["--group-data", directory]
    for item in where.data:
        words += ["--data", item]
    return words


def spec_of(name: str) -> str:
    """Return how testinfra calls a host of the inventory."""
    # By its name, which the tests look up there; what is behind it is said to ssh apart.
    return "local://" if name == "@local" else f"ssh://{name}"


def is_by_sudo(name: str, data: Mapping[str, Any]) -> bool:
    """Return whether a host is driven through sudo, as pyinfra would.

    Args:
        name: of the host in the inventory.
        data: the host's.
    """
    if name == "@local":
        return os.geteuid() != 0
    return bool(data.get("_sudo", data.get("ssh_user", "root") != "root"))


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
        # 1: some failed. Anything else is no run to its end, and what passed till then says little.
        if done.returncode not in (0, 1) or not report.exists():
            last = (done.stdout + done.stderr).strip().splitlines()[-5:]
            return {"error": f"pytest ended with {done.returncode}: {' / '.join(last)}"}
        root = ElementTree.parse(report).getroot()  # noqa: S314  (pytest's own)
        return counted(root, spec_of(name))


def counted(root: ElementTree.Element, spec: str) -> dict[str, Any]:
    """Return counts and cases of a report of pytest's.

    Args:
        root: of the XML.
        spec: how testinfra calls the host, behind each test's name.
    """
    cases = []
    for case in root.iter("testcase"):
        outcome, words = "passed", ""
        for kind in ("failure", "error", "skipped"):
            if (found := case.find(kind)) is not None:
                outcome = {"failure": "failed", "error": "failed"}.get(kind, kind)
                words = found.get("message", "")
        file = case.get("classname", "").rpartition(".")[2]
        test = case.get("name", "")
        for named, instead in ((f"[{spec}]", ""), (f"[{spec}-", "["), (f"-{spec}]", "]")):
            test = test.replace(named, instead)
        one = {"test": f"{file}::{test}", "outcome": outcome}
        cases.append(one | ({"words": words} if words else {}))
    outcomes = [one["outcome"] for one in cases]
    return {
        **{word: outcomes.count(word) for word in ("passed", "failed", "skipped")}, "cases": cases,
    }
