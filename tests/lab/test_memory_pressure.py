"""zram is never emptied into memory that is not there."""

from __future__ import annotations

import shlex

import pytest

from xnai.lab.deploying import deploy

pytestmark = pytest.mark.lab

# A gigabyte of RAM and no stack: only the memory step, with a reserve that fits.
LIMITS_MIB = {"redis": 32, "llm": 256, "rag_api": 64, "chainlit_ui": 128, "crawler": 256}
SMALL = ("--data", "host_reserve_mib=256", "--data", "vikunja=False", *(
    word for name, mib in LIMITS_MIB.items()
    for word in ("--data", f"{name}_memory_limit_mib={mib}")
))
HOG = """
import os, time
held = []
while True:
    # 1600 random bytes a page: zstd packs them about 2.5 to 1.
    held.append(b"".join(os.urandom(1600) + bytes(2496) for _ in range(256)))
    if len(held) >= {mib}:
        break
print("held", flush=True)
time.sleep(3600)
"""


def _hold(machine, mib: int) -> None:
    program = HOG.format(mib=mib)
    machine.run(f"printf %s {shlex.quote(program)} > /root/hog.py")
    machine.run(
        "systemd-run --unit=hog --property=StandardOutput=file:/run/hog.out "
        "python3 /root/hog.py && until grep -qs held /run/hog.out; do "
        "systemctl is-active --quiet hog || exit 1; sleep 0.5; done",
        # Pages that go to zram take about a millisecond each here, on busy cores several.
        timeout_s=900,
    )


def _size_mib(machine) -> int:
    return int(machine.run("cat /sys/block/zram0/disksize").stdout) // 2**20


def test_resize_that_does_not_fit_is_deferred_and_done_when_it_fits(new_machine):
    machine = new_machine("pressed", memory_mib=1024, cpus=2)
    memory = {"deploy_file": "tasks/memory.py"}
    outcome = deploy(machine, *SMALL, **memory)
    assert outcome.code == 0, outcome.log
    smaller = (*SMALL, "--data", "zram_size_pct_of_ram=150")
    before_mib = _size_mib(machine)
    _hold(machine, 1100)

    outcome = deploy(machine, *smaller, **memory)
    assert outcome.code == 0, outcome.log
    assert "MiB short" in outcome.log and "configured for the next boot" in outcome.log
    assert _size_mib(machine) == before_mib
    assert "ram * 150 / 100" in machine.run(
        "cat /etc/systemd/zram-generator.conf.d/90-xnai.conf"
    ).stdout
    again = deploy(machine, *smaller, **memory)
    assert (again.code, again.changed) == (0, ()), again.log
    assert "MiB short" in again.log
    assert deploy(machine, *smaller, "--data", "strict=True", **memory).code != 0
    assert machine.run("systemctl is-active hog").stdout.strip() == "active"

    machine.run("systemctl stop hog")
    outcome = deploy(machine, *smaller, **memory)
    assert outcome.code == 0, outcome.log
    assert any("memory: zram0" in name for name in outcome.changed)
    ram_mib = int(machine.run("grep ^MemTotal: /proc/meminfo").stdout.split()[1]) // 1024
    assert _size_mib(machine) == ram_mib * 150 // 100
    machine.down()
