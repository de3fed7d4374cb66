"""What a user gets to read when something is wrong, and that nothing is half done."""

from __future__ import annotations

import os
import shlex
import subprocess

import pytest

from tests.lab.state_of import listing
from xnai.lab.deploying import ROOT, deploy, pyinfra_argv

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def machine(new_machine):
    """One machine without a stack: no test of this file gives it one, or needs another's work."""
    return new_machine("bad", memory_mib=3072)


# Each wrong value is a unit test too (tests/unit/settings).
@pytest.mark.family("wrong setting")
@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("zram_sise_pct_of_ram=100", ["--data", "did you mean zram_size_pct_of_ram?"]),
        ("zram_size_pct_of_ram=900", ["900 (--data): at most 400; zram pages still cost RAM"]),
        ("redis_memory_limit_mib=100000", ["W = A + C*(1 - 1/r)", "100000"]),
        ("base_image=python:3.12-slim", ["registry/path:tag"]),
        ("stack_user=Nobody!", ["a user name"]),
    ],
)
def test_wrong_setting_is_named_and_nothing_changes(machine, data, words):
    before = listing(machine)
    outcome = deploy(machine, "--data", data)
    assert outcome.code != 0
    assert all(word in outcome.log for word in words), outcome.log
    assert listing(machine) == before


def test_unreachable_host_is_named(tmp_path):
    hosts = tmp_path / "hosts.py"
    hosts.write_text(
        'lab = [("nowhere", {"ssh_hostname": "127.0.0.1", "ssh_port": 1, "ssh_user": "root"})]\n'
    )
    done = subprocess.run(
        pyinfra_argv(), cwd=ROOT, env={**os.environ, "XNAI_HOSTS": str(hosts)},
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )
    assert done.returncode != 0
    assert "nowhere" in done.stdout + done.stderr


@pytest.mark.parametrize("user_may_sudo", [False, True])
def test_sudo_that_cannot_be_used_is_explained(machine, tmp_path, user_may_sudo):
    name = f"guest{int(user_may_sudo)}"
    machine.run(
        f"useradd --create-home --shell /bin/bash {name} && "
        f"install -d -m 700 -o {name} /home/{name}/.ssh && "
        f"install -m 600 -o {name} /root/.ssh/authorized_keys /home/{name}/.ssh/"
    )
    if user_may_sudo:
        machine.run(f"usermod --append --groups sudo {name} && echo {name}:{name} | chpasswd")
    text = machine.hosts_file.read_text("utf-8")
    text = text.replace("'ssh_user': 'root'", f"'ssh_user': '{name}'")
    hosts = tmp_path / "hosts.py"
    hosts.write_text(text)
    done = subprocess.run(
        pyinfra_argv(), cwd=ROOT, env={**os.environ, "XNAI_HOSTS": str(hosts)},
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )
    machine.run(f"pkill -KILL -u {name}; sleep 1; userdel --force --remove {name}", check=False)
    assert done.returncode != 0
    assert "sudo" in done.stderr and "Traceback" not in done.stderr, done.stderr


def test_full_disk_is_refused_before_any_change(machine):
    free_kib = int(machine.run("df --output=avail / | tail -1").stdout)
    machine.run(f"fallocate -l {(free_kib - 300 * 1024) * 1024} /filler")
    before = listing(machine)
    outcome = deploy(machine)
    assert outcome.code != 0
    assert "nothing was changed" in outcome.log and "MiB" in outcome.log, outcome.log
    assert listing(machine) == before
    machine.run("rm /filler")


def test_apt_locked_by_somebody_is_waited_for_and_named(machine):
    holder = (
        "import fcntl, time; f = open('/var/lib/dpkg/lock-frontend', 'w'); "
        "fcntl.lockf(f, fcntl.LOCK_EX); time.sleep(25)"
    )
    machine.run(f"setsid python3 -c {shlex.quote(holder)} >/dev/null 2>&1 < /dev/null & sleep 1")
    outcome = deploy(machine, deploy_file="tasks/memory.py")
    assert outcome.code == 0, outcome.log
    assert "waiting for apt, locked by PID" in outcome.log
    assert "python3" in outcome.log and "user root" in outcome.log
