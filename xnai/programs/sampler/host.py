"""The sampler on the host: reads, warns in the journal, writes a textfile and a history."""

from __future__ import annotations

import os
import pwd
import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from xnai.programs.sampler import readings
from xnai.programs.sampler.containers import ContainerGroups
from xnai.programs.sampler.exposition import exposition
from xnai.programs.sampler.history import History, line
from xnai.programs.sampler.thresholds import Watch

TEXTFILE = "xnai.prom"
KEEP_EVERY_S = 60.0
# Of what systemd shows as the unit's status.
MOST_STATUS = 600
_WARNING, _NOTICE = "<4>", "<5>"


class Sampler:
    """What is kept between two samples."""

    def __init__(
        self, spec: Mapping[str, Any], run: Path, state: Path, root: Path = Path("/"),
        say: Callable[[str], None] = lambda text: print(text, file=sys.stderr, flush=True),
    ) -> None:
        """Make it.

        Args:
            spec: as xnai.programs.sampler.bundle makes it.
            run: directory of the textfile.
            state: directory of the history.
            root: of the file system that is read.
            say: takes a line for the journal, with its priority in front (sd-daemon(3)).
        """
        self._page = os.sysconf("SC_PAGE_SIZE")
        self._user = spec["stack_user"]
        self._root, self._run, self._say = root, run, say
        self._containers = ContainerGroups(root)
        self._watch = Watch(spec["limits"], self._page)
        self._history = History(state, spec["history_bytes"])
        self._kept_s = float("-inf")
        self._failing: dict[str, str] = {}

    def take(self, now_s: float) -> str:
        """Take a sample; return the unit's status in a line.

        Args:
            now_s: by a clock that is never set.
        """
        sample: dict[str, Any] = {**readings.machine(self._root), "containers": self._read()}
        for change in self._watch.look(sample, now_s):
            self._say(f"{_WARNING if change.began else _NOTICE}{change.words}")
        sample["warnings"] = self._watch.state
        self._try("the textfile", lambda: self._write(exposition(sample, self._page)))
        if now_s - self._kept_s >= KEEP_EVERY_S:
            self._kept_s = now_s
            self._try("the history", lambda: self._history.add(line(sample, time.time())))
        told = [*self._watch.raised.values(), *self._failing.values()]
        return "; ".join(told)[:MOST_STATUS] or "well"

    def _read(self) -> dict[str, object]:
        try:
            uid = pwd.getpwnam(self._user).pw_uid
        except KeyError:
            return {}  # the user is yet to be made
        return readings.containers(self._containers.groups(uid), self._root)

    def _write(self, text: str) -> None:
        """The textfile, whole or not at all; no other name in there ends as node_exporter reads."""
        new = self._run / f".{TEXTFILE}.new"
        new.write_text(text, "utf-8")
        new.replace(self._run / TEXTFILE)

    def _try(self, what: str, do: Callable[[], None]) -> None:
        """Write, and say once that it fails, and that it does so no longer."""
        try:
            do()
        except OSError as error:
            words = f"{what} cannot be written: {error.strerror}"
            if self._failing.get(what) != words:
                self._failing[what] = words
                self._say(f"{_WARNING}{words}")
        else:
            if self._failing.pop(what, None):
                self._say(f"{_NOTICE}{what} is written again")


def notify(text: str) -> None:
    """Tell systemd (sd_notify(3)); nothing where nobody listens.

    Args:
        text: as `STATUS=well`.
    """
    where = os.environ.get("NOTIFY_SOCKET", "")
    if where:
        address = f"\0{where[1:]}" if where.startswith("@") else where
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
            to.sendto(text.encode(), address)


def main(spec: Mapping[str, Any], version: str) -> None:
    """Sample until the process is ended.

    Args:
        spec: as xnai.programs.sampler.bundle makes it.
        version: said in front of each status, so that a deploy knows what runs.
    """
    one = Sampler(
        spec, Path(os.environ["RUNTIME_DIRECTORY"]), Path(os.environ["STATE_DIRECTORY"]),
    )
    every_s = spec["interval_s"]
    while True:
        now_s = time.monotonic()
        notify(f"READY=1\nSTATUS={version} {one.take(now_s)}")
        time.sleep(max(1.0, now_s + every_s - time.monotonic()))
