"""The memory step on Debian's own kernel, so that zram does not rest on user-mode Linux alone."""

from __future__ import annotations

import subprocess

import pytest

from xnai.lab.deploying import ROOT, deploy, environment, host_tests_argv

pytestmark = pytest.mark.lab

STEP = {"deploy_file": "tasks/memory.py"}


def test_memory_step_on_debians_own_kernel(new_machine):
    machine = new_machine("qemu", backend="tcg", memory_mib=3072, disk_gib=8)
    release = machine.run("uname -r; systemd-detect-virt").stdout.split()
    print(f"kernel {release[0]}, {release[1]}")
    assert "amd64" in release[0]
    assert release[1] == "qemu"

    outcome = deploy(machine, **STEP)
    assert outcome.code == 0, outcome.log
    outcome = deploy(machine, **STEP)
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log
    words = [
        "tests/host/test_memory.py" if word == "tests/host" else word
        for word in host_tests_argv(machine)
    ]
    done = subprocess.run(
        words, cwd=ROOT, env=environment(machine), capture_output=True, text=True, check=False
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout and "skipped" not in done.stdout
