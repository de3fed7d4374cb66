"""The memory sampler on a real machine: what it sees, what it may do, and that it goes again."""

from __future__ import annotations

import subprocess

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.lab.redis_cli import REDIS, redis
from tests.lab.test_stack import ids
from xnai.facts.sampler import UNIT
from xnai.lab.deploying import ROOT, deploy, environment, xnai_argv
from xnai.lab.health import states, until_healthy
from xnai.lab.waiting import until

pytestmark = pytest.mark.lab

WANTED = ("--data", "memory_sampler=True", "--data", "memory_sampler_interval_s=5")
CURRENT = "xnai_container_memory_current_bytes"
STEP = {"deploy_file": "tasks/sampler.py"}


def textfile(machine) -> dict[tuple[str, str], float]:
    """The textfile as Prometheus reads it, by name and the container's name."""
    text = machine.run("cat /run/xnai-sampler/xnai.prom").stdout
    return {
        (one.name, one.labels.get("name", "")): one.value
        for family in text_string_to_metric_families(text) for one in family.samples
    }


def status(machine) -> str:
    """What `xnai status` says of a machine that is to have a sampler."""
    return subprocess.run(
        xnai_argv("status", *WANTED), cwd=ROOT, env=environment(machine), capture_output=True,
        text=True, check=False,
    ).stdout


def test_a_sampler_is_set_up_warns_and_goes_again(deployed):
    before = ids(deployed)
    outcome = deploy(deployed, *WANTED, **STEP)
    assert outcome.code == 0, outcome.log
    # Each container by its name, with what its control group says.
    found = textfile(deployed)
    held = {name: value for (metric, name), value in found.items() if metric == CURRENT}
    assert held.keys() == before.keys() and all(held.values())
    assert found["xnai_zram_disksize_bytes", ""] == int(
        deployed.run("cat /sys/block/zram0/disksize").stdout
    )
    # It runs as nobody that there is otherwise, and without capabilities.
    process = deployed.run(f"systemctl show -P MainPID {UNIT}").stdout.strip()
    state = deployed.run(f"cat /proc/{process}/status").stdout
    assert "CapEff:\t0000000000000000" in state and "Uid:\t0\t" not in state
    assert "memory sampler: well" in status(deployed)
    outcome = deploy(deployed, *WANTED, **STEP)
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log

    # A container past its limit: named, and told in the status too.
    redis(deployed, "config set maxmemory 0")
    deployed.run(
        REDIS % '"eval" "for i=1,600 do redis.call(\\"set\\",\\"xnai_oom:\\"..i,'
        'string.rep(\\"y\\",1048576)) end" 0',
        check=False, timeout_s=120,
    )
    told = f"journalctl -q -u {UNIT} --grep 'kills for want of memory: .*xnai_redis'"
    assert until(lambda: deployed.run(told, check=False).stdout, timeout_s=120)
    assert "kills for want of memory" in status(deployed)
    # Started anew, it is known by its name.
    assert until_healthy(deployed, 150), states(deployed)
    assert until(lambda: (CURRENT, "xnai_redis") in textfile(deployed), timeout_s=60)

    # Killed, it is there again by itself.
    pid = f"systemctl show -P MainPID {UNIT}"
    was = deployed.run(f"{pid}; systemctl kill --signal=KILL {UNIT}").stdout
    assert until(lambda: deployed.run(pid).stdout not in (was, "0\n"), timeout_s=120)
    assert deployed.run(f"systemctl is-active {UNIT}", check=False).stdout == "active\n"

    outcome = deploy(deployed, "--data", "memory_sampler=False", **STEP)
    assert outcome.code == 0, outcome.log
    left = deployed.run(
        "ls -d /run/xnai-sampler /var/lib/xnai-sampler /var/lib/private/xnai-sampler "
        f"/opt/xnai/sampler.pyz /etc/systemd/system/{UNIT} "
        f"/etc/systemd/system/multi-user.target.wants/{UNIT} 2>/dev/null; :"
    ).stdout
    assert left == ""
