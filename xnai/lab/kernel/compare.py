"""The lab's kernel beside Debian's: every difference in how memory works, with its reason."""

from __future__ import annotations

import re
from pathlib import Path

DEBIAN = Path(__file__).with_name("debian.config")
ABSENT = "absent"
_SET = re.compile(r"(CONFIG_\w+)=(.*)")
_NOT_SET = re.compile(r"# (CONFIG_\w+) is not set")

_HUGE = "user-mode Linux has no huge pages"
_NUMA = "user-mode Linux has one node and memory that never changes in size"
_GONE = "gone or renamed in the kernels after 6.12: zswap uses zsmalloc alone"
_HARDWARE = "says what the processor can do, and user-mode Linux has none"
_NEWER = "new in the kernels after 6.12"
# Option -> why the lab's kernel has it otherwise.
REASONS = {
    "CONFIG_ZRAM": "built in: one file is the whole kernel, without modules",
    "CONFIG_ZPOOL": _GONE,
    "CONFIG_ZBUD": _GONE,
    "CONFIG_Z3FOLD_DEPRECATED": _GONE,
    "CONFIG_ZSWAP_ZPOOL_DEFAULT": _GONE,
    "CONFIG_ZSWAP_ZPOOL_DEFAULT_ZBUD": _GONE,
    "CONFIG_ZSWAP_ZPOOL_DEFAULT_Z3FOLD_DEPRECATED": _GONE,
    "CONFIG_ZSWAP_ZPOOL_DEFAULT_ZSMALLOC": _GONE,
}


def options(text: str) -> dict[str, str]:
    """Read a kernel's configuration.

    Args:
        text: lines such as ``CONFIG_SWAP=y`` and ``# CONFIG_KSM is not set``.

    Returns:
        Value by option; ``n`` for one that is not set.
    """
    found = {}
    for line in text.splitlines():
        if match := _SET.fullmatch(line):
            found[match[1]] = match[2]
        elif match := _NOT_SET.fullmatch(line):
            found[match[1]] = "n"
    return found


def differences(built: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Compare a kernel's configuration with Debian's.

    An option that a kernel does not know at all is as good as one that is not set.

    Args:
        built: the lab's kernel's options.

    Returns:
        Option -> Debian's value and the lab's.
    """
    return {
        name: (value, built.get(name, ABSENT))
        for name, value in options(DEBIAN.read_text()).items()
        if value != built.get(name, ABSENT) and not (value == "n" and name not in built)
    }
