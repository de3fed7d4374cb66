"""The probe's framing, read back: lines to records."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast, get_args

from xnai.facts.machine.model import ConfigFile, Reading, State
from xnai.facts.machine.shell import FILE_BYTES_MAX

_STATES = frozenset(get_args(State))


@dataclass(frozen=True)
class ProbeRecord:
    """One framed line of the probe."""

    kind: str
    state: State
    fields: tuple[str, ...]

    def field(self, index: int) -> str:
        """Return field `index` (from 0), "" when the line has fewer."""
        return self.fields[index] if index < len(self.fields) else ""


def records(output: Iterable[str]) -> list[ProbeRecord]:
    """Return the records among `output` lines; anything else (banners, torn lines) is left out."""
    found = []
    for line in output:
        parts = line.rstrip("\r\n").split("\t")
        if len(parts) < 4 or parts[0] != "xnai1" or parts[2] not in _STATES:
            continue
        state = cast(State, parts[2])
        if parts[3] in ("b", "f"):
            try:
                data = base64.b64decode("".join(parts[4:]), validate=True)
            except (binascii.Error, ValueError):
                continue
            # Bytes that are no UTF-8 come through unchanged, so that a path can be named again
            # exactly.
            fields = tuple(data.decode("utf-8", "surrogateescape").split("\0"))
            if parts[3] == "f" and len(data) - _before_text(data) > FILE_BYTES_MAX:
                state, fields = "unreadable", fields[:1]
        else:
            fields = tuple(parts[4:])
        found.append(ProbeRecord(parts[1], state, fields))
    return found


def _before_text(data: bytes) -> int:
    """How many bytes a file's path and target take, with what ends them."""
    return data.find(b"\0", data.find(b"\0") + 1) + 1


class Records:
    """All records of one probe, by kind."""

    def __init__(self, all_records: list[ProbeRecord]) -> None:
        self.all = all_records

    def of(self, kind: str) -> list[ProbeRecord]:
        """Return the records of one kind."""
        return [record for record in self.all if record.kind == kind]

    def first(self, kind: str) -> ProbeRecord | None:
        """Return the first record of one kind, or None."""
        return next(iter(self.of(kind)), None)

    def reading(self, kind: str, field: int = 0) -> Reading:
        """Return one field of the first record of a kind."""
        record = self.first(kind)
        return Reading(record.state, record.field(field)) if record else Reading()

    def blob(self, kind: str) -> Reading:
        """Return the whole payload of the first record of a kind."""
        record = self.first(kind)
        return Reading(record.state, "\0".join(record.fields)) if record else Reading()

    def file(self, kind: str) -> Reading:
        """Return the text of the first file of a kind."""
        record = self.first(kind)
        return Reading(record.state, "\0".join(record.fields[2:])) if record else Reading()

    def files(self, kind: str, listed: str) -> tuple[ConfigFile, ...] | None:
        """Return the files of a kind that exist; None when record `listed` is missing."""
        if not self.of(listed):
            return None
        return tuple(
            ConfigFile(r.field(0), r.field(1) or r.field(0), "\0".join(r.fields[2:]), r.state)
            for r in self.of(kind)
            if r.state != "absent"
        )
