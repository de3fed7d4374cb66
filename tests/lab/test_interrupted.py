"""A run killed at any point and started again reaches the same state.

The drill of each `make test` kills the runs on a copy of a deployed machine from which all but the
account and the images was taken away: building those takes most of a first deploy, and nothing of
it is asked here twice. One image is missing, so that a build can be killed. `make drill` kills
first deploys of bare machines.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

from tests.lab.migrations import migrated_alone
from tests.lab.state_of import provisioned
from xnai.facts.podman_call import XNAI_PODMAN
from xnai.lab.deploying import ROOT, deploy, environment, pyinfra_argv
from xnai.memory import files as memory_files
from xnai.stack import paths

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
# In how many of them a run is killed where it is not a drill's full count.
DRAWN = 3
STARTING = "Starting operation: "
# All that a first deploy makes, but for the account, the base's images and what builds keep.
TAKE_AWAY = f"""
xnai-podman rm --all --force --time 0
xnai-podman volume rm --all --force
xnai-podman secret rm --all
xnai-podman network prune --force
xnai-podman rmi --force \
    $(xnai-podman images --format '{{{{.Repository}}}}:{{{{.Tag}}}}' | grep ^localhost/xnai_llm)
swapoff --all && echo 1 > /sys/block/zram0/reset
rm -rf {paths.OPT} /var/lib/xnai/xnai/stack /var/lib/xnai/xnai/good {XNAI_PODMAN}
rm -f {memory_files.ZRAM_CONF} {memory_files.SYSCTL_CONF} {memory_files.ZSWAP_CONF} \
    /etc/systemd/user/xnai-stack.service
DEBIAN_FRONTEND=noninteractive apt-get -qy purge --auto-remove systemd-zram-generator podman \
    crun netavark aardvark-dns passt uidmap catatonit nftables python3-venv
systemctl daemon-reload
"""
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


@pytest.mark.drill
def test_run_killed_at_critical_points_reaches_the_same_state(deployed, reference, rng, rounds):
    machine = deployed
    drawn = POINTS if rounds > 1 else sorted(rng.sample(POINTS, DRAWN), key=POINTS.index)
    print("killed in", ", ".join(operation for operation, _ in drawn))
    machine.run(TAKE_AWAY, timeout_s=300)
    left = f"command -v podman; ls {XNAI_PODMAN} {paths.OPT}; grep zram /proc/swaps; :"
    assert machine.run(left).stdout == ""
    for operation, most_s in drawn:
        if operation == NEEDS_NAMES:
            said = run_without_names(machine, operation)
            assert f"{STARTING}{operation}" in said, said
            assert "esolution" in said or "resolve" in said, said
            # It went on where the one before was killed, and the next does so too.
            assert operation == drawn[0][0] or f"{STARTING}memory:" not in said, said
        last = killed_run(machine, operation, rng.uniform(0, most_s))
        assert last.startswith(operation), f"killed in {last!r}, not in {operation!r}"
    outcome = deploy(machine)
    assert outcome.code == 0, outcome.log
    assert not any(name.startswith("memory:") for name in outcome.changed)
    migrated_alone(machine)
    assert provisioned(machine) == reference
    assert deploy(machine).changed == ()


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
