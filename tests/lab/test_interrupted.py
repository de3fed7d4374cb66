"""A run killed at any point and started again reaches the same state."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

from tests.lab.migrations import migrated_alone
from tests.lab.state_of import provisioned
from xnai.lab.deploying import ROOT, deploy, environment, pyinfra_argv

pytestmark = pytest.mark.lab

# The beginning of an operation's name, and how long after it began to wait at most, in seconds:
# well below what it takes.
POINTS = (
    ("memory: install", 2.0),
    ("memory: zram0", 0.3),
    ("containers: install", 10.0),
    ("containers: podman-compose in", 2.0),
    ("images: build localhost/xnai_llm", 10.0),
    ("secrets: generate", 0.5),
    ("stack: bring up", 4.0),
)
STARTING = "Starting operation: "
# Asks the package index: in front of its kill, a run in which names are not resolved.
NEEDS_NAMES = "containers: podman-compose in"


def killed_run(machine, operation: str, wait_s: float) -> str:
    """Start a deploy, SIGKILL it `wait_s` after `operation` began; return the last one begun."""
    process = subprocess.Popen(
        pyinfra_argv(), cwd=ROOT, env=environment(machine), text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    last = ""
    for line in process.stdout:
        if STARTING in line:
            last = line.split(STARTING)[1].strip()
        if last.startswith(operation):
            time.sleep(wait_s)
            break
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    # What it had said by then is still in the pipe.
    for line in process.stdout:
        if STARTING in line:
            last = line.split(STARTING)[1].strip()
    process.wait()
    return last


def run_without_names(machine, operation: str) -> str:
    """Run a deploy whose name server goes away as `operation` begins; return what it said."""
    process = subprocess.Popen(
        pyinfra_argv(), cwd=ROOT, env=environment(machine), text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    said = []
    for line in process.stdout:
        said.append(line)
        if f"{STARTING}{operation}" in line:
            # Not the link: the controller's ssh goes through it. The name server is enough.
            machine.run("mv /etc/resolv.conf /etc/resolv.conf.away")
    assert process.wait() != 0
    machine.run("mv /etc/resolv.conf.away /etc/resolv.conf")
    return "".join(said)


def test_run_killed_at_each_critical_point_reaches_the_same_state(new_machine, request, rng):
    machine = new_machine("killed")
    for operation, most_s in POINTS:
        if operation == NEEDS_NAMES:
            said = run_without_names(machine, operation)
            assert f"{STARTING}{operation}" in said, said
            assert "esolution" in said or "resolve" in said, said
            # It went on where the one before was killed, and the next does so too.
            assert f"{STARTING}memory:" not in said, said
        last = killed_run(machine, operation, rng.uniform(0, most_s))
        assert last.startswith(operation), f"killed in {last!r}, not in {operation!r}"
    outcome = deploy(machine)
    assert outcome.code == 0, outcome.log
    assert not any(name.startswith("memory:") for name in outcome.changed)
    migrated_alone(machine)
    # Asked for as late as here: until then the first deploy can go on beside.
    assert provisioned(machine) == request.getfixturevalue("reference")
    assert deploy(machine).changed == ()
    machine.down()


@pytest.mark.drill_only
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
