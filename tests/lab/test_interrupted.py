"""A run killed at any point and started again reaches the same state."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

from tests.lab.state_of import provisioned
from xnai.lab.deploying import ROOT, deploy, environment, pyinfra_argv

pytestmark = pytest.mark.lab

# The beginning of an operation's name, and how long after it began to wait at most, in seconds.
POINTS = (
    ("memory: install", 6.0),
    ("memory: zram0", 0.5),
    ("containers: install", 15.0),
    ("images: build localhost/xnai_rag_api", 10.0),
    ("secrets: generate", 0.5),
    ("stack: bring up", 5.0),
)


def killed_run(machine, operation: str, wait_s: float) -> bool:
    """Start a deploy and SIGKILL it `wait_s` after `operation` began; False if it never did."""
    process = subprocess.Popen(
        pyinfra_argv(), cwd=ROOT, env=environment(machine), text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    seen = False
    for line in process.stdout:
        if f"Starting operation: {operation}" in line:
            seen = True
            break
    if seen:
        time.sleep(wait_s)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return seen


def test_run_killed_at_each_critical_point_reaches_the_same_state(new_machine, reference, rng):
    machine = new_machine("killed")
    for operation, most_s in POINTS:
        assert killed_run(machine, operation, rng.uniform(0, most_s)), operation
    outcome = deploy(machine)
    assert outcome.code == 0, outcome.log
    assert provisioned(machine) == reference
    assert deploy(machine).changed == ()
    machine.down()


@pytest.mark.drill
def test_run_killed_at_random_moments_reaches_the_same_state(new_machine, reference, rng, rounds):
    for number in range(rounds):
        machine = new_machine("random")
        moments = [rng.uniform(3, 90) for _ in range(2)]
        for moment_s in moments:
            process = subprocess.Popen(
                pyinfra_argv(), cwd=ROOT, env=environment(machine), stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            )
            try:
                process.wait(timeout=moment_s)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        outcome = deploy(machine)
        assert outcome.code == 0, f"round {number}, killed after {moments} s: {outcome.log}"
        assert provisioned(machine) == reference, f"round {number}, killed after {moments} s"
        machine.down()
