"""zram and the kernel's settings, live and on disk."""

from __future__ import annotations

import pytest

from tasks.memory import SYSCTL_CONF, ZRAM_CONF, ZSWAP_CONF, rendered
from xnai.preflight.memory import best_algorithm


@pytest.fixture(scope="module")
def algorithm(host, settings):
    """The algorithm of the settings, or the best that this kernel has."""
    offered = host.file("/sys/block/zram0/comp_algorithm").content_string
    return best_algorithm(
        settings.zram_compression_algorithm, offered.replace("[", "").replace("]", "")
    )


def test_zram_swap_is_active_with_the_priority_of_the_settings(host, settings):
    line = next(
        line for line in host.file("/proc/swaps").content_string.splitlines()
        if line.startswith("/dev/zram0")
    )
    assert int(line.split()[4]) == settings.zram_swap_priority


def test_zram_uses_the_algorithm_of_the_settings(host, algorithm):
    assert f"[{algorithm}]" in host.file("/sys/block/zram0/comp_algorithm").content_string


def test_zram_size_is_the_stated_share_of_ram(host, settings):
    ram_mib = int(host.check_output("grep ^MemTotal: /proc/meminfo").split()[1]) // 1024
    size_mib = int(host.file("/sys/block/zram0/disksize").content_string) // 2**20
    assert size_mib == ram_mib * settings.zram_effective_pct_of_ram // 100


def test_every_sysctl_is_live(host, settings):
    live = {key: str(host.sysctl(key)) for key in settings.sysctls}
    assert live == settings.sysctls


def test_our_files_are_on_disk_as_rendered(host, settings, algorithm):
    texts = rendered(settings, algorithm)
    for path, text in texts.items():
        file = host.file(path)
        assert file.content_string == text
        assert (file.mode, file.user, file.group) == (0o644, "root", "root")
    assert {ZRAM_CONF, SYSCTL_CONF} <= set(texts)
    assert host.file(ZSWAP_CONF).exists == (settings.zswap == "off")


def test_zswap_does_not_compress_in_front_of_zram(host, settings):
    parameter = host.file("/sys/module/zswap/parameters/enabled")
    if settings.zswap == "off" and parameter.exists:
        assert parameter.content_string.strip() == "N"
