"""`xnai baseline` on a real machine: a whole run, the comparison, and who is named meanwhile."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.lab.test_stack import ids
from xnai.lab.deploying import ROOT, environment, xnai_argv

pytestmark = pytest.mark.lab

SHORT = ("--steady-s", "8", "--requests", "2", "--recovery-s", "8")


def baseline(machine, into: Path, *words: str) -> subprocess.CompletedProcess:
    """Measure it."""
    argv = xnai_argv("baseline", "--into", str(into), *words)
    return subprocess.run(
        argv, cwd=ROOT, env=environment(machine), capture_output=True, text=True, check=False
    )


def test_a_baseline_is_measured_and_compared(deployed, tmp_path):
    before = ids(deployed)
    first = baseline(deployed, tmp_path, *SHORT, "--json")
    assert first.returncode == 0, first.stderr
    (figures,) = json.loads(first.stdout).values()
    # It was watched while it ran.
    assert "steady state: " in first.stderr and "of 2 requests" in first.stderr
    phases = figures["phases"]
    assert [name for name, one in phases.items() if one] == ["steady state", "load", "recovery"]
    steady = phases["steady state"]
    assert 0 < steady["ram_used_mib"]["median"] < figures["machine"]["ram_mib"]
    assert steady["zram_original_mib"]["median"] is not None
    assert set(steady["containers"]) == set(before)
    assert all(one["current_mib"]["median"] > 0 for one in steady["containers"].values())
    assert steady["psi_memory_some_pct"] is not None and steady["oom_kills"] == 0
    assert (figures["requests"]["requests"], figures["requests"]["failed"]) == (2, 0)
    assert figures["requests"]["median_s"] > 0
    # Nothing was started anew, and nothing is left on the host.
    assert ids(deployed) == before
    assert deployed.run("ls /run/xnai-baseline").stdout == ""

    # From a start: two phases more, and a comparison with the run before.
    second = baseline(deployed, tmp_path, *SHORT, "--cold", "--yes")
    assert second.returncode == 0, second.stderr
    assert "cold start: RAM used" in second.stdout
    report = max(tmp_path.rglob("baseline.md")).read_text()
    assert "## Compared with the run before" in report
    assert "All containers were healthy" in report

    # A stack that is down is not measured.
    deployed.run("xnai-podman stop xnai_docs")
    down = baseline(deployed, tmp_path, *SHORT)
    assert down.returncode == 2
    assert "the stack is not up: xnai_docs (absent)" in down.stderr
    assert len(list(tmp_path.rglob("baseline.json"))) == 2
