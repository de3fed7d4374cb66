"""Teardown on a real machine: it is what it was, and data are kept unless purge names the host."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time

import pytest

from tests.lab.redis_cli import REDIS
from tests.lab.state_of import everything
from xnai.lab.deploying import ROOT, Outcome, deploy, environment, pyinfra_argv

pytestmark = pytest.mark.lab

RIVAL = "/etc/sysctl.d/99-zz-mine.conf"
# What the administrator has: a file that the deploy sets aside, values that no file says, zswap,
# and a package of his own that comes after.
MINE = f"""
printf 'vm.swappiness = 10\\n' > {RIVAL}
echo 33 > /proc/sys/vm/swappiness; echo 50000000 > /proc/sys/vm/dirty_bytes
echo 77 > /proc/sys/vm/vfs_cache_pressure
[ ! -e /sys/module/zswap/parameters/enabled ] || echo Y > /sys/module/zswap/parameters/enabled
"""
VALUE = "xnai-podman secret inspect --showsecret --format '{{.SecretData}}' xnai_redis_password"

# Section -> pattern of lines that may differ, each with its reason.
ALLOWED = {
    "files": (
        # What the tools of passwd(5) leave of a file as it was before their last change.
        r"/etc/(passwd|group|shadow|gshadow|subuid|subgid)-",
        # dpkg's copy of its list before its last change.
        r"/var/lib/dpkg/status-old",
    ),
    "content": (r"[0-9a-f]{64}  /etc/(passwd|group|shadow|gshadow|subuid|subgid)-",),
}


def differences(before: dict[str, set[str]], after: dict[str, set[str]]) -> list[str]:
    """Every line that is not in both, but for those that are allowed."""
    found = []
    for name, lines in before.items():
        allowed = [re.compile(pattern + r"( .*)?") for pattern in ALLOWED.get(name, ())]
        for sign, some in (("-", lines - after[name]), ("+", after[name] - lines)):
            found += [
                f"{name}: {sign} {line}" for line in sorted(some)
                if not any(pattern.fullmatch(line) for pattern in allowed)
            ]
    return found


def teardown(machine, *words: str) -> Outcome:
    """Run the teardown."""
    return deploy(machine, *words, deploy_file="tasks/teardown.py")


def killed(machine, operation: str, *words: str) -> None:
    """Start a teardown and SIGKILL it a second after an operation began."""
    process = subprocess.Popen(
        pyinfra_argv(*words, deploy_file="tasks/teardown.py"), cwd=ROOT, env=environment(machine),
        text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    for line in process.stdout:
        if f"Starting operation: {operation}" in line:
            time.sleep(1)
            break
    assert process.poll() is None, f"over before {operation!r}"
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_a_machine_with_swap_of_its_own_has_it_again(new_machine):
    machine = new_machine("swapped")
    machine.run(
        "mkdir -p /etc/systemd/zram-generator.conf.d && printf "
        "'[zram0]\\nzram-size = 256\\ncompression-algorithm = lz4\\nswap-priority = 7\\n' "
        "> /etc/systemd/zram-generator.conf.d/10-mine.conf && apt-get -q update >/dev/null && "
        "DEBIAN_FRONTEND=noninteractive apt-get -qy --no-install-recommends install "
        f"systemd-zram-generator >/dev/null 2>&1\n{MINE}",
        timeout_s=300,
    )
    before = everything(machine)
    assert any(line.startswith("/dev/zram0 ") for line in before["swaps"])
    words = ("--data", "memory_rivals=set_aside")
    outcome = deploy(machine, *words, deploy_file="tasks/memory.py")
    assert outcome.code == 0, outcome.log
    assert outcome.changed[0].startswith("before: record"), outcome.changed
    during = everything(machine)
    assert all(during[name] != before[name] for name in ("sysctls", "swaps", "content"))
    assert deploy(machine, *words, deploy_file="tasks/memory.py").changed == ()
    outcome = teardown(machine)
    assert outcome.code == 0, outcome.log
    assert differences(before, everything(machine)) == []
    assert teardown(machine).changed == ()
    machine.down()


@pytest.mark.drill_only
def test_a_machine_is_what_it_was_and_data_are_kept_unless_purged(new_machine):
    machine = new_machine("teardown")
    machine.run(MINE)
    before = everything(machine)

    outcome = teardown(machine, "--data", f"purge={machine.config.host_name}")
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log
    assert "nothing to take down" in outcome.log
    assert differences(before, everything(machine)) == []

    outcome = deploy(machine, "--data", "memory_rivals=set_aside")
    assert outcome.code == 0, outcome.log
    assert outcome.changed[0].startswith("before: record"), outcome.changed
    outcome = deploy(machine)
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log
    machine.run(REDIS % "set xnai_kept periwinkle" + "; " + REDIS % "save")
    value = machine.run(VALUE).stdout
    deployed = everything(machine)

    outcome = teardown(machine, "--data", "purge=somebody.else")
    assert outcome.code != 0
    assert "purge = 'somebody.else'" in outcome.log and "Nothing was changed." in outcome.log
    record = "/var/lib/xnai/before.json"
    machine.run(f"cp -p {record} /root/record && head -c 300 /root/record > {record}")
    outcome = teardown(machine)
    assert outcome.code != 0
    assert "is damaged: it is no JSON" in outcome.log, outcome.log
    machine.run(f"mv /root/record {record}")
    # Redis and PostgreSQL write whenever they like.
    changed = differences(deployed, everything(machine))
    assert [line for line in changed if "/home/xnai/.local/share/containers/" not in line] == []

    # Without purge.
    outcome = teardown(machine)
    assert outcome.code == 0, outcome.log
    assert "kept: volume xnai_redis_data (/home/xnai/" in outcome.log
    assert f"--data purge={machine.config.host_name}" in outcome.log
    outcome = teardown(machine)
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log
    assert "kept: volume xnai_redis_data" in outcome.log
    kept = everything(machine)
    for section in ("sysctls", "zswap", "swaps", "packages", "automatic", "linger", "units"):
        assert kept[section] == before[section], section
    others = [
        line for line in differences(before, kept)
        if not re.search(r"xnai|/etc/(passwd|group|shadow|gshadow|subuid|subgid)\b", line)
    ]
    assert others == []

    outcome = deploy(machine, "--data", "memory_rivals=set_aside")
    assert outcome.code == 0, outcome.log
    assert machine.run(REDIS % "get xnai_kept").stdout.strip() == "periwinkle"
    assert machine.run(VALUE).stdout == value
    assert deploy(machine).changed == ()

    # Killed in the middle: what it had not done is done by the next.
    purge = ("--data", f"purge={machine.config.host_name}")
    for operation in ("containers", "user", "packages", "zram0"):
        killed(machine, f"teardown: {operation}", *purge)
    outcome = teardown(machine, *purge)
    assert outcome.code == 0, outcome.log
    assert differences(before, everything(machine)) == []
    outcome = teardown(machine, *purge)
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log
    machine.down()
