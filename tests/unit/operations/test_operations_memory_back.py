"""memory_back.*: what is set, renamed, switched off and set up again."""

from __future__ import annotations

import subprocess

import pytest
from operation_runs import commands, on_a_host
from pyinfra.api.exceptions import OperationError

from xnai.facts.memory import MemoryFacts, Zram
from xnai.operations import memory_back
from xnai.record.baseline import OldZram


def run(operation, /, **arguments):
    with on_a_host(executing=False):
        return commands(operation, **arguments)


@pytest.mark.parametrize(
    ("recorded", "live", "wanted"),
    [
        ({"vm.swappiness": "60"}, {"vm.swappiness": "180"}, {"vm.swappiness": "60"}),
        ({"vm.swappiness": "60"}, {"vm.swappiness": "60"}, {}),
        ({"vm.swappiness": "60"}, {}, {}),  # the kernel has it no more
        # Percent were in force.
        ({"vm.dirty_ratio": "20", "vm.dirty_bytes": "0"},
         {"vm.dirty_ratio": "10", "vm.dirty_bytes": "0"}, {"vm.dirty_ratio": "20"}),
        # Bytes were: setting percent would end them.
        ({"vm.dirty_ratio": "0", "vm.dirty_bytes": "5000000"},
         {"vm.dirty_ratio": "10", "vm.dirty_bytes": "0"}, {"vm.dirty_bytes": "5000000"}),
        ({"vm.dirty_ratio": "0", "vm.dirty_bytes": "5000000"},
         {"vm.dirty_ratio": "0", "vm.dirty_bytes": "5000000"}, {}),
        # Somebody set bytes since: 0 would be refused, percent end them.
        ({"vm.dirty_ratio": "20", "vm.dirty_bytes": "0"},
         {"vm.dirty_ratio": "0", "vm.dirty_bytes": "5000000"}, {"vm.dirty_ratio": "20"}),
    ],
)
def test_which_sysctls_are_set(recorded, live, wanted):
    assert memory_back.to_set(recorded, live) == wanted


def test_sysctls():
    assert run(memory_back.sysctls, values={"vm.swappiness": "60", "vm.x_y": "1 2"}) == [
        "printf '%s\\n' 60 > /proc/sys/vm/swappiness",
        "printf '%s\\n' '1 2' > /proc/sys/vm/x_y",
    ]


def test_back(tmp_path):
    for name in ("a.aside", "b.aside", "b"):
        (tmp_path / name).write_text(name)
    paths = {f"{tmp_path}/{name}.aside": f"{tmp_path}/{name}" for name in "ab"}
    for command in run(memory_back.back, paths=paths):
        subprocess.run(["sh", "-c", command], check=True)
    # Nothing is written over.
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "a": "a.aside", "b": "b", "b.aside": "b.aside",
    }


def memory(used_mib=0, available_mib=1000, active=True):
    zram = Zram(4096, "zstd", active, used_mib, 100)
    return MemoryFacts({}, {}, {}, zram, available_mib, None)


def zram(facts, former=None, device_before=True, executing=True):
    with on_a_host(executing=executing):
        return commands(
            memory_back.zram, read=lambda: facts, conf="/etc/x.conf", former=former,
            device_before=device_before,
        )


def test_zram_is_emptied_and_ours_removed():
    found = zram(memory(used_mib=100))
    assert found[0].startswith("systemctl stop dev-zram0.swap")
    assert "swapoff /dev/zram0" in found[1] and "/sys/block/zram0/reset" in found[1]
    assert found[2] == "rm -f /etc/x.conf && systemctl daemon-reload"
    assert len(found) == 4


@pytest.mark.parametrize("facts", [None, memory(used_mib=800)])
def test_zram_that_does_not_fit_is_left_as_it_is(facts):
    with pytest.raises(OperationError, match="zram0"):
        zram(facts)
    # While the run is prepared nobody is asked.
    assert len(zram(facts, executing=False)) == 4


def test_zram_that_was_there_is_set_up_again():
    assert zram(memory(), OldZram(True, True, 2048, "lz4", 5))[4:] == [
        "systemctl start dev-zram0.swap"
    ]
    (by_hand,) = zram(memory(), OldZram(False, True, 2048, "lz4", 5))[4:]
    for part in ("echo lz4 > ", "echo 2048M > ", "swapon -p 5 /dev/zram0"):
        assert part in by_hand
    assert zram(memory(), OldZram(True, False, 0, "", 0))[4:] == []
    assert "modprobe -r zram" in zram(memory(), device_before=False)[4]


def test_lacking():
    assert memory_back.lacking(memory(used_mib=500, available_mib=500), 600) == ""
    said = memory_back.lacking(memory(used_mib=500, available_mib=500), 100)
    assert said.startswith("400 MiB of other programs are swapped out to zram0, 500 MiB are")
    assert "656 MiB are needed" in said
