"""Which containers the kernel killed for want of memory, since the machine was started."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pyinfra.api.facts import FactBase


@dataclass(frozen=True)
class OomKill:
    """One line `oom-kill:` of the kernel's log.

    Attributes:
        time: when, as dmesg(1) writes it: ISO 8601.
        container_id: the victim's, or empty where it was in no rootless container.
        own_limit: whether it was that container's own limit; else the whole machine was out of
            memory.
        process: the victim's name.
    """

    time: str
    container_id: str
    own_limit: bool
    process: str


# mm/oom_kill.c, dump_oom_victim(): constraint=...,oom_memcg=...,task_memcg=...,task=NAME,pid=...
_LINE = re.compile(
    r"(?P<time>\S+) .*oom-kill:constraint=(?P<constraint>\w+),.*"
    r"task_memcg=(?P<memcg>[^,]*),task=(?P<task>.*),pid=\d+"
)
_CONTAINER = re.compile(r"/libpod-([0-9a-f]{64})\.scope")


class OomKills(FactBase[tuple[OomKill, ...] | None]):
    """The kernel's OOM kills that its log still holds; None where the log cannot be read."""

    def command(self) -> str:
        """Return the script; dmesg writes the newest lines that the kernel keeps."""
        return "dmesg --time-format iso && echo @ok || :"

    @staticmethod
    def default() -> None:
        """Nothing could be read."""

    def process(self, output: list[str]) -> tuple[OomKill, ...] | None:
        """Parse the lines, the oldest first."""
        if not output or output[-1] != "@ok":
            return None
        found = []
        for line in output:
            if match := _LINE.match(line):
                container = _CONTAINER.search(match["memcg"])
                found.append(
                    OomKill(
                        time=match["time"].replace(",", "."),
                        container_id=container[1] if container else "",
                        own_limit=match["constraint"] == "CONSTRAINT_MEMCG",
                        process=match["task"],
                    )
                )
        return tuple(found)
