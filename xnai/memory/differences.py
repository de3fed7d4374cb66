"""How a host's swap and reclaim differ from the settings: pure, and the one comparison."""

from __future__ import annotations

from dataclasses import dataclass

from xnai.diagnostics.difference import Difference, FileDifference
from xnai.facts.memory import MemoryFacts
from xnai.facts.sections import file_difference
from xnai.memory import zram
from xnai.memory.files import PACKAGE, ZSWAP_CONF, rendered
from xnai.settings.model import Settings


@dataclass(frozen=True)
class MemoryDifferences:
    """What of a host's swap and reclaim is not as the settings want it.

    Attributes:
        files: of ours, missing or not as they should be.
        unwanted: paths of files of ours that the settings no longer want.
        packages: that are missing.
        sysctls: in words, `key found -> wanted`.
        zswap: whether it must be switched off.
        zram: how zram0 differs, in words; empty if it does not.
        zram_waits: why that is left for later; empty where it can be changed now.
    """

    files: tuple[FileDifference, ...]
    unwanted: tuple[str, ...]
    packages: tuple[str, ...]
    sysctls: tuple[str, ...]
    zswap: bool
    zram: str
    zram_waits: str

    def listed(self) -> list[Difference]:
        """Return all of them, in the order in which a deploy mends them."""
        words = [
            *map(str, self.files),
            *(f"{path} (zswap = 'leave')" for path in self.unwanted),
            *(f"package {name} (absent)" for name in self.packages),
            *(f"sysctl {line}" for line in self.sysctls),
            *(["zswap is on, in front of zram"] if self.zswap else []),
        ]
        found = [Difference("memory", line) for line in words]
        if self.zram:
            found.append(Difference("zram", self.zram, self.zram_waits))
        return found


def differences(settings: Settings, facts: MemoryFacts, algorithm: str) -> MemoryDifferences:
    """Return how a host differs.

    Args:
        settings: the host's.
        facts: what its memory is now.
        algorithm: zram's compressor, one that the host's kernel has.
    """
    change = ", ".join(
        zram.differences(
            facts.zram, settings.zram_size_mib, algorithm, settings.zram_swap_priority
        )
    )
    waits = bool(change) and facts.zram.swap_active and zram.missing_mib(facts) > 0
    return MemoryDifferences(
        files=tuple(
            FileDifference(path, words, text)
            for path, text in rendered(settings, algorithm).items()
            if (words := file_difference(facts.files.get(path), text))
        ),
        unwanted=(
            (ZSWAP_CONF,) if settings.zswap == "leave" and ZSWAP_CONF in facts.files else ()
        ),
        packages=() if PACKAGE in facts.packages else (PACKAGE,),
        sysctls=tuple(
            f"{key} {facts.sysctls.get(key, 'absent')} -> {value}"
            for key, value in settings.sysctls.items() if facts.sysctls.get(key) != value
        ),
        zswap=settings.zswap == "off" and bool(facts.zswap_enabled),
        zram=change,
        zram_waits=zram.why_it_waits(facts, change) if waits else "",
    )
