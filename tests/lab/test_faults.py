"""Faults that a machine meets: each ends healthy again, by itself or by the next run."""

from __future__ import annotations

import shlex
import threading
import time

import pytest

from tests.lab.redis_cli import REDIS, redis
from tests.lab.test_stack import ids
from xnai.lab.deploying import deploy
from xnai.lab.errors import LabError
from xnai.lab.health import states, until_healthy
from xnai.lab.waiting import until

# Each takes minutes.
pytestmark = [pytest.mark.lab, pytest.mark.family("fault")]

SQL = "xnai-podman exec xnai_vikunja_db psql -qAt -h /run/postgresql -U vikunja -c '%s'"


def healthy_and_unchanged(machine) -> None:
    """The stack gets healthy by itself, and a run has nothing to do."""
    assert until_healthy(machine, 240), states(machine)
    outcome = deploy(machine)
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log


def test_a_power_cut_during_writes_loses_nothing_that_was_confirmed(deployed, rng, rounds):
    deployed.run(SQL % "create table if not exists xnai_drill (n int)")
    redis(deployed, "set xnai_saved before")
    redis(deployed, "save")
    confirmed = []
    for _ in range(rounds):
        stop = threading.Event()

        def write(stop=stop):
            while not stop.is_set():
                number = len(confirmed) + 1
                try:
                    insert = f"insert into xnai_drill values ({number})"  # noqa: S608
                    deployed.run(SQL % insert, timeout_s=20)
                except LabError:
                    return
                confirmed.append(number)

        writer = threading.Thread(target=write)
        writer.start()
        time.sleep(rng.uniform(4, 12))
        deployed.power_cut()
        stop.set()
        writer.join()
        deployed.start()
        healthy_and_unchanged(deployed)
        rows = [int(n) for n in deployed.run(SQL % "select n from xnai_drill").stdout.split()]
        assert set(confirmed) <= set(rows), set(confirmed) - set(rows)
        assert redis(deployed, "get xnai_saved") == "before"
    assert confirmed
    deployed.run(SQL % "drop table xnai_drill")
    redis(deployed, "del xnai_saved")


def test_a_full_disk_that_is_freed_again(deployed):
    redis(deployed, "set xnai_kept 1")
    redis(deployed, "save")
    free_kib = int(deployed.run("df --output=avail / | tail -1").stdout)
    deployed.run(f"fallocate -l {(free_kib - 1024) * 1024} /filler", check=False)
    deployed.run("cat /dev/zero > /filler2; :", check=False)
    try:
        # Redis cannot save, or Podman cannot even write down that a command is to run.
        said = deployed.run(REDIS % "save", check=False)
        assert "OK" not in said.stdout, said
    finally:
        deployed.run("rm -f /filler /filler2")
    assert redis(deployed, "save") == "OK"
    assert redis(deployed, "get xnai_kept") == "1"
    redis(deployed, "del xnai_kept")
    healthy_and_unchanged(deployed)


def test_a_clock_that_jumps(deployed):
    try:
        deployed.run("systemctl stop systemd-timesyncd 2>/dev/null; date -s '+400 days'")
        assert until_healthy(deployed, 200), states(deployed)
    finally:
        deployed.run("date -s '-400 days'")
    healthy_and_unchanged(deployed)


def test_a_lock_that_somebody_holds_is_waited_for_and_named(deployed):
    # An earlier run's command still works: the run says so after its time, and changes nothing.
    deployed.run(
        "mkdir -p -m 700 /run/xnai; systemd-run --unit=holder flock /run/xnai/lock sleep 400"
    )
    deployed.run("xnai-podman rm --force xnai_docs")
    outcome = deploy(deployed)
    assert outcome.code != 0
    assert "a command of an earlier run still works on this machine" in outcome.log, outcome.log
    deployed.run("systemctl stop holder")
    outcome = deploy(deployed)
    assert outcome.code == 0 and len(outcome.changed) == 1, outcome.log


HOLD = """
import fcntl, sys, time
file = open(sys.argv[1], "r+")
fcntl.lockf(file, fcntl.LOCK_EX)
time.sleep(900)
"""


def test_podmans_storage_left_locked(deployed):
    # As a podman process does that hangs.
    root = deployed.run("xnai-podman info --format '{{.Store.GraphRoot}}'").stdout.strip()
    deployed.run(
        "systemd-run --unit=holder "
        + shlex.join(["python3", "-c", HOLD, f"{root}/overlay-containers/containers.lock"])
    )
    try:
        assert until(
            lambda: deployed.run("timeout 5 xnai-podman ps", check=False).returncode == 124,
            timeout_s=30, every_s=1,
        )
        outcome = deploy(deployed)
        assert outcome.code != 0 and outcome.changed == ()
        assert "does not answer" in outcome.log and "Nothing was changed" in outcome.log, (
            outcome.log
        )
    finally:
        deployed.run("systemctl stop holder")
    healthy_and_unchanged(deployed)


def test_a_network_that_goes_during_a_pull(deployed):
    deployed.run("xnai-podman rm --force xnai_vikunja xnai_vikunja_db")
    deployed.run("xnai-podman rmi docker.io/library/postgres:17")
    cut = threading.Timer(20, lambda: deployed.set_link(False))
    back = threading.Timer(80, lambda: deployed.set_link(True))
    cut.start()
    back.start()
    outcome = deploy(deployed)
    back.join()
    if outcome.code != 0:
        outcome = deploy(deployed)
    assert outcome.code == 0, outcome.log
    healthy_and_unchanged(deployed)


def test_each_container_that_is_killed_comes_back_by_itself(deployed):
    made = ids(deployed)
    redis(deployed, "set xnai_kept 1")
    redis(deployed, "save")
    # Not by `podman kill`: what a person ends stays down.
    deployed.run(
        "kill -KILL $(xnai-podman inspect --format '{{.State.Pid}}' $(xnai-podman ps -q))"
    )
    assert until_healthy(deployed, 200), states(deployed)
    assert ids(deployed) == made
    assert redis(deployed, "get xnai_kept") == "1"
    redis(deployed, "del xnai_kept")
    outcome = deploy(deployed)
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log
