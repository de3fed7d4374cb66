"""All that a deploy's steps compare with the settings, read from a host by one command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pyinfra.api.facts import FactBase

from xnai.facts.containers import Containers, ContainersFacts
from xnai.facts.machine.model import PreflightFacts
from xnai.facts.memory import Memory, MemoryFacts
from xnai.facts.podman import Store, StoreFacts
from xnai.facts.preflight import Preflight
from xnai.facts.sections import is_whole

# Of `sections`' own marks it is none.
_MARK = "@@@ "
_PARTS = ("machine", "memory", "containers", "store", "end")


@dataclass(frozen=True)
class Surveyed:
    """What was read of a host.

    Attributes:
        machine: what preflight judges.
        memory: swap and reclaim; None: not read.
        containers: the stack's user and its Podman; None: not read.
        store: what that Podman holds; None: its part is not whole, as where there was no room for
            it.
    """

    machine: PreflightFacts
    memory: MemoryFacts | None
    containers: ContainersFacts | None
    store: StoreFacts | None


class Survey(FactBase[Surveyed | None]):
    """Four facts that are read together; None where the script did not come to its end."""

    def command(
        self,
        machine: Mapping[str, Any],
        memory: Mapping[str, Any],
        containers: Mapping[str, Any],
        store: Mapping[str, Any],
    ) -> str:
        """Return the script; each argument holds the keyword arguments of the fact of that name.

        Podman is slow, so its part runs in the background while the rest is read, and writes to a
        temporary file. Where none can be made it runs at the end.
        """
        beside = str(Store().command(**store))
        apart = {
            "machine": str(Preflight().command(**machine)),
            "memory": Memory().command(**memory),
            "containers": Containers().command(**containers),
        }
        return "\n".join((
            f"store() (\n{beside}\n)",
            'if w=$(mktemp 2>/dev/null); then store > "$w" & fi',
            *(f"{_mark(name)}; (\n{code}\n)" for name, code in apart.items()),
            _mark("store"),
            'if [ -n "$w" ]; then wait; cat "$w"; rm -f "$w"; else store; fi',
            _mark("end"),
        ))

    def process(self, output: list[str]) -> Surveyed | None:
        """Let each fact parse its lines."""
        found = _parts(output)
        if len(found) < len(_PARTS):
            return None
        machine, memory, containers, store, _ = found
        return Surveyed(
            Preflight().process(machine), Memory().process(memory),
            Containers().process(containers),
            Store().process(store) if is_whole(store) else None,
        )


def _mark(name: str) -> str:
    """Shell code that prints the mark on a line of its own, whatever stands before it."""
    return f"printf '\\n%s\\n' '{_MARK}{name}'"


def _parts(output: Iterable[str]) -> list[list[str]]:
    """The lines of each part that began, in order.

    A mark counts once and in its turn alone: the last part repeats what a process of the stack's
    user printed, which must not be taken for an earlier one.
    """
    found: list[list[str]] = []
    lines: list[str] = []
    for line in output:
        if len(found) < len(_PARTS) and line == _MARK + _PARTS[len(found)]:
            lines = []
            found.append(lines)
        else:
            lines.append(line)
    return found
