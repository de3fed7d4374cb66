"""zram and the kernel's settings, live and on disk."""

from __future__ import annotations

import pytest

from tests.host.reading import read
from xnai.facts.sampler import UNIT
from xnai.memory.files import SYSCTL_CONF, ZRAM_CONF, ZSWAP_CONF, rendered
from xnai.memory.zram import best_algorithm

ZSWAP = "/sys/module/zswap/parameters/enabled"
OFFERED = "/sys/block/zram0/comp_algorithm"
DISKSIZE = "/sys/block/zram0/disksize"


@pytest.fixture(scope="module")
def found(host, settings):
    """The files and live values that these checks look at."""
    live = [f"/proc/sys/{key.replace('.', '/')}" for key in settings.sysctls]
    return read(host, files=[
        ZRAM_CONF, SYSCTL_CONF, ZSWAP_CONF, ZSWAP, OFFERED, DISKSIZE,
        "/proc/swaps", "/proc/meminfo", *live,
    ])


@pytest.fixture(scope="module")
def algorithm(found, settings):
    """The algorithm of the settings, or the best that this kernel has."""
    offered = found.file(OFFERED).text.replace("[", "").replace("]", "")
    return best_algorithm(settings.zram_compression_algorithm, offered)


def test_zram_swap_is_active_with_the_priority_of_the_settings(found, settings):
    line = next(
        line for line in found.file("/proc/swaps").text.splitlines()
        if line.startswith("/dev/zram0")
    )
    assert int(line.split()[4]) == settings.zram_swap_priority


def test_zram_uses_the_algorithm_of_the_settings(found, algorithm):
    assert f"[{algorithm}]" in found.file(OFFERED).text


def test_zram_has_the_size_of_the_settings(found, settings):
    size_mib = int(found.file(DISKSIZE).text) // 2**20
    assert size_mib == settings.zram_size_mib


def test_every_sysctl_is_live(found, settings):
    live = {
        key: found.file(f"/proc/sys/{key.replace('.', '/')}").text.strip()
        for key in settings.sysctls
    }
    assert live == settings.sysctls


def test_our_files_are_on_disk_as_rendered(found, settings, algorithm):
    texts = rendered(settings, algorithm)
    for path, text in texts.items():
        file = found.file(path)
        assert file.text == text
        assert (file.mode, file.user, file.group) == (0o644, "root", "root")
    assert {ZRAM_CONF, SYSCTL_CONF} <= set(texts)
    assert found.exists(ZSWAP_CONF) == (settings.zswap == "off")


def test_zswap_does_not_compress_in_front_of_zram(found, settings):
    if settings.zswap == "off" and found.exists(ZSWAP):
        assert found.file(ZSWAP).text.strip() == "N"


def test_the_memory_sampler_runs_where_it_is_wanted_and_nowhere_else(host, settings):
    state = host.run(f"systemctl is-active {UNIT}").stdout.strip()
    assert (state == "active") == settings.memory_sampler
