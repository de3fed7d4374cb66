"""The lab's kernel is asked for nothing that Debian's says otherwise; a change is seen."""

from __future__ import annotations

import pytest

from xnai.lab.kernel import build, compare

DEBIAN = compare.options(compare.DEBIAN.read_text())
# Built in, where Debian has modules: the lab's kernel is one file.
MODULES = {"CONFIG_ZRAM"}


def test_debians_options_are_there() -> None:
    assert len(DEBIAN) > 100
    assert DEBIAN["CONFIG_ZRAM_MULTI_COMP"] == "n"
    assert DEBIAN["CONFIG_ZRAM_BACKEND_842"] == DEBIAN["CONFIG_ZRAM_BACKEND_LZO"] == "n"
    assert DEBIAN["CONFIG_ZRAM_DEF_COMP"] == '"lz4"'
    assert DEBIAN["CONFIG_ZSWAP"] == "y" and DEBIAN["CONFIG_ZSWAP_DEFAULT_ON"] == "n"
    assert DEBIAN["CONFIG_LRU_GEN_ENABLED"] == "y"


@pytest.mark.parametrize("kernel", build.FRAGMENTS)
def test_no_fragment_says_otherwise_than_debian(kernel: str) -> None:
    asked = compare.options(build.fragment(kernel))
    assert {
        name: (value, asked[name]) for name, value in DEBIAN.items()
        if name in asked and asked[name] != value and name not in MODULES
    } == {}


def test_a_change_is_seen() -> None:
    same = dict(DEBIAN)
    assert compare.differences(same) == {}
    del same["CONFIG_KSM"]
    same["CONFIG_ZRAM_MULTI_COMP"] = "y"
    assert compare.differences(same) == {
        "CONFIG_KSM": ("y", "absent"), "CONFIG_ZRAM_MULTI_COMP": ("n", "y"),
    }
    # A kernel that does not know an option has not set it.
    del same["CONFIG_ZRAM_MULTI_COMP"]
    assert set(compare.differences(same)) == {"CONFIG_KSM"}


def test_the_storage_kernel_has_what_disks_are_tested_on() -> None:
    asked = compare.options(build.fragment("storage"))
    wanted = ("DM_DELAY", "DM_CRYPT", "DM_LOG_WRITES", "BTRFS_FS", "XFS_FS")
    assert {asked.get(f"CONFIG_{name}") for name in wanted} == {"y"}
    assert build.fragment_hash("storage") != build.fragment_hash("plain")
