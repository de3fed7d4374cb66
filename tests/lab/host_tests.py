"""testinfra's checks as a step of a lab test."""

from __future__ import annotations

from xnai.lab.deploying import host_tests
from xnai.lab.machine import Machine


def host_tests_pass(machine: Machine) -> None:
    """Run tests/host, with those that write; all must pass and none be skipped."""
    result = host_tests(machine, "--allow-writes")
    assert result.returncode == 0, result.stdout + result.stderr
    assert " passed" in result.stdout and "skipped" not in result.stdout
