"""Several machines at once: one that fails takes only itself out, and the run says so."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from xnai.lab.deploying import ROOT, environment, inventory_of, pyinfra_argv

pytestmark = pytest.mark.lab

NAMES = ("one", "two", "three")


@pytest.fixture(scope="module")
def machines(new_machine, tmp_path_factory):
    """Three machines and an inventory file of all."""
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda name: new_machine(name, memory_mib=3072), NAMES))
    hosts = inventory_of(made, tmp_path_factory.mktemp("inventory") / "hosts.py")
    yield made, {**environment(made[0]), "XNAI_HOSTS": str(hosts)}
    for one in made:
        one.down()


def run(environment_):
    return subprocess.run(
        pyinfra_argv(deploy_file="tasks/memory.py"), cwd=ROOT, env=environment_,
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )


def swaps(machine) -> str:
    return machine.run("cut -d' ' -f1 /proc/swaps").stdout


def test_a_broken_machine_takes_only_itself_out(machines):
    made, env = machines
    broken = made[1]
    broken.run("mkdir -p /etc/sysctl.d && mount -o bind,ro /etc/sysctl.d /etc/sysctl.d")
    done = run(env)
    said = done.stdout + done.stderr
    assert done.returncode != 0, said
    table = said[said.index("Disconnecting"):]
    for name, result in (("one", "right"), ("two", "FAILED"), ("three", "right")):
        assert any(
            line.split()[:2] == [f"lab-{name}", result] for line in table.splitlines()
        ), table
    assert "failed: memory: " in table
    assert "zram0" in swaps(made[0]) and "zram0" in swaps(made[2])

    broken.run("umount /etc/sysctl.d")
    done = run(env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "zram0" in swaps(broken)
    done = run(env)
    said = done.stdout + done.stderr
    assert done.returncode == 0 and "Starting operation" not in said, said


def test_a_machine_that_does_not_answer_is_told(machines):
    made, env = machines
    made[1].power_cut()
    try:
        done = run(env)
    finally:
        made[1].start()
    said = done.stdout + done.stderr
    assert done.returncode != 0, said
    assert any(
        line.split()[:2] == ["lab-two", "FAILED"] and "not reached" in line
        for line in said.splitlines()
    ), said
    assert any(line.split()[:2] == ["lab-one", "right"] for line in said.splitlines()), said
