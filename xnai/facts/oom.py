"""What the kernel and systemd-oomd killed for want of memory, in this boot and the one before.

Podman's own State.OOMKilled is not asked: it is false for a container that ran on after one of its
processes was killed, and true for a later, ordinary stop.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pyinfra.api.facts import FactBase

OWN, ABOVE, MACHINE, GUARD = "own", "above", "machine", "guard"


@dataclass(frozen=True)
class OomKill:
    """One kill.

    Attributes:
        time: when: ISO 8601.
        container_id: the victim's, or empty where it was in no rootless container.
        limit: whose end it was: own, that container's limit; above, one of a control group above
            it; machine, the whole machine's memory; guard, systemd-oomd has done it.
        process: the victim's name; of systemd-oomd, which kills a whole control group, its name.
        why: the control group that was out of memory, or systemd-oomd's own words.
    """

    time: str
    container_id: str
    limit: str
    process: str
    why: str = ""

    @property
    def cause(self) -> str:
        """Why it was killed, in words."""
        return {
            OWN: "it went past its own memory limit",
            ABOVE: f"a control group above it was at its limit ({self.why})",
            MACHINE: "the whole machine was out of memory",
            GUARD: f"systemd-oomd did it {self.why}",
        }[self.limit]

    @property
    def by(self) -> str:
        """Who killed it."""
        return "systemd-oomd" if self.limit == GUARD else "the kernel"


# mm/oom_kill.c, dump_oom_victim(): constraint=...,oom_memcg=...,task_memcg=...,task=NAME,pid=...
_LINE = re.compile(
    r"(?P<time>\S+) .*oom-kill:constraint=(?P<constraint>\w+),.*"
    r"(?:oom_memcg=(?P<limit>[^,]*)|global_oom),"
    r"task_memcg=(?P<memcg>[^,]*),task=(?P<task>.*),pid=\d+"
)
# systemd, src/oom/oomd-util.c and oomd-manager.c: Killed CGROUP due to ...
_GUARD = re.compile(
    r"(?P<time>\S+) .*systemd-oomd\[\d+\]: Killed (?P<memcg>\S+) (?P<why>due to .*)"
)
_CONTAINER = re.compile(r"/libpod-([0-9a-f]{64})\.scope")
_MOST_LINES = 200


class OomKills(FactBase[tuple[OomKill, ...] | None]):
    """The kills of this boot and the one before that the logs still hold; None: cannot be read."""

    def command(self) -> str:
        """Return the script; dmesg writes the newest lines that the kernel keeps."""
        journal = f"journalctl --quiet --no-pager --output=short-iso --lines={_MOST_LINES}"
        return (
            # A user without rights gets nothing from the journal; dmesg says whether we have them.
            f"timeout 20 {journal} --dmesg --boot=-1 --grep=oom-kill: 2>/dev/null; "
            f"for b in -1 0; do timeout 20 {journal} --unit=systemd-oomd --boot=$b "
            "--grep='^Killed ' 2>/dev/null; done; "
            "dmesg --time-format iso && echo @ok || :"
        )

    @staticmethod
    def default() -> None:
        """Nothing could be read."""

    def process(self, output: list[str]) -> tuple[OomKill, ...] | None:
        """Parse the lines, the oldest first."""
        if not output or output[-1] != "@ok":
            return None
        return tuple(sorted(filter(None, map(_kill, output)), key=lambda kill: kill.time))


def _kill(line: str) -> OomKill | None:
    if match := _LINE.match(line):
        container = _CONTAINER.search(match["memcg"])
        id_ = container[1] if container else ""
        limit, out = MACHINE, match["limit"] or ""
        if match["constraint"] == "CONSTRAINT_MEMCG":
            # The scope itself, or what crun makes in it; not a slice above.
            limit = OWN if id_ and f"/libpod-{id_}.scope" in out else ABOVE
        return OomKill(_time(match), id_, limit, match["task"], out)
    if match := _GUARD.match(line):
        container = _CONTAINER.search(match["memcg"])
        return OomKill(
            _time(match), container[1] if container else "", GUARD, match["memcg"], match["why"]
        )
    return None


def _time(match: re.Match[str]) -> str:
    return match["time"].replace(",", ".")
