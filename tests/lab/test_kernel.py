"""The kernel that the machines boot is a user's in all that concerns memory."""

from __future__ import annotations

import pytest

from xnai.lab.kernel import build, compare

pytestmark = pytest.mark.lab


def test_each_difference_from_debians_kernel_has_its_reason(progress):
    built = build.ensure(progress)
    found = compare.differences(compare.options(built.config.read_text()))
    for name, (debian, lab) in sorted(found.items()):
        print(f"{name}: Debian {debian}, lab {lab}: {compare.REASONS.get(name, '?')}")
    assert set(found) == set(compare.REASONS)


def test_a_machine_has_no_compressor_that_debian_leaves_out(deployed):
    offered = deployed.run("cat /sys/block/zram0/comp_algorithm").stdout
    assert set(offered.replace("[", "").replace("]", "").split()) == {
        "lz4", "lz4hc", "zstd", "deflate",
    }
    assert "recomp_algorithm" not in deployed.run("ls /sys/block/zram0").stdout
