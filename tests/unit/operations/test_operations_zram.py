"""When zram0 may be changed, how, and what is said when it may not."""

from __future__ import annotations

import pytest
from operation_runs import commands, on_a_host
from pyinfra.api.exceptions import OperationError

from xnai.diagnostics.finding import Finding
from xnai.facts.memory import MemoryFacts, Zram
from xnai.memory import zram as memory_zram
from xnai.operations import zram
from xnai.run.pending import deferred

AS_SET = Zram(8030, "zstd", True, 0, 100)


def facts(used_mib: int, available_mib: int) -> MemoryFacts:
    return MemoryFacts({}, {}, {}, Zram(8030, "zstd", True, used_mib, 100), available_mib, None)


@pytest.mark.parametrize(
    ("live", "words"),
    [
        (AS_SET, []),
        (Zram(0, "", False, 0, 0), ["no swap on zram0"]),
        (Zram(8030, "zstd", False, 0, 0), ["no swap on zram0"]),
        (Zram(4096, "zstd", True, 0, 100), ["size 4096 -> 8030 MiB"]),
        (Zram(9000, "zstd", True, 0, 100), ["size 9000 -> 8030 MiB"]),
        (Zram(8030, "lz4", True, 0, 100), ["algorithm lz4 -> zstd"]),
        (Zram(8030, "zstd", True, 0, 5), ["priority 5 -> 100"]),
        (Zram(1, "lzo", True, 0, -2),
         ["size 1 -> 8030 MiB", "algorithm lzo -> zstd", "priority -2 -> 100"]),
    ],
)
def test_differences(live, words):
    assert memory_zram.differences(live, 8030, "zstd", 100) == words


@pytest.mark.parametrize(
    ("used_mib", "available_mib", "missing_mib"),
    [
        (0, 0, 0),  # nothing is swapped: nothing needs room
        (1, 257, 0),
        (1, 256, 1),
        (1000, 1256, 0),
        (1000, 1255, 1),
        (3000, 100, 3156),
    ],
)
def test_missing_mib(used_mib, available_mib, missing_mib):
    assert memory_zram.missing_mib(facts(used_mib, available_mib)) == missing_mib


def test_activate():
    with on_a_host() as host:
        found = commands(zram.activate, read=lambda: facts(0, 3000), change="size 1 -> 2 MiB",
                         prevented=list)
        assert deferred(host) == []
    assert found == [
        "systemctl stop dev-zram0.swap systemd-zram-setup@zram0.service || :",
        "! grep -q '^/dev/zram0 ' /proc/swaps || swapoff /dev/zram0; "
        "! [ -e /sys/block/zram0/reset ] || echo 1 > /sys/block/zram0/reset",
        "systemctl daemon-reload",
        "systemctl reset-failed dev-zram0.swap systemd-zram-setup@zram0.service || :",
        "systemctl start dev-zram0.swap",
    ]


def test_the_plan_shows_the_change_without_reading_again():
    with on_a_host(executing=False):
        found = commands(zram.activate, read=lambda: pytest.fail("read"), change="size",
                         prevented=lambda: pytest.fail("asked"))
    assert found[0] == "systemctl stop dev-zram0.swap systemd-zram-setup@zram0.service || :"
    assert found[-1] == "systemctl start dev-zram0.swap"


def test_activate_is_put_off_when_memory_got_short_meanwhile():
    with on_a_host() as host:
        found = commands(zram.activate, read=lambda: facts(1000, 300), change="size 1 -> 2 MiB",
                         prevented=list)
        (note,) = deferred(host)
    assert found == []
    assert host.noops == ["zram0 not changed: 956 MiB short"]
    assert note.component == "zram"
    assert note.reason == (
        "size 1 -> 2 MiB: 1000 MiB are swapped out and 300 MiB are available, 956 MiB short "
        "(with 256 MiB of headroom). The device was left as it is; configured for the next boot. "
        "Close programs and run this again, or reboot."
    )


def test_zram0_is_left_as_it_is_where_the_generator_would_make_another():
    line = Finding("zram-rival", "error", "zram0", "/etc/x.conf:3: max-zram-size = 1", "it", "Do.")
    with (
        on_a_host() as host,
        pytest.raises(OperationError, match=r"(?s)left as it is.*/etc/x\.conf:3: max-zram-size"),
    ):
        commands(
            zram.activate, read=lambda: facts(0, 3000), change="size", prevented=lambda: [line]
        )
    assert host.commands == []
