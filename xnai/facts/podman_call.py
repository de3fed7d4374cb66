"""How the stack user's Podman is asked within a fact: each call with a time limit, some at once.

pyinfra's own podman facts run as whoever runs pyinfra; a rootless store is only seen by its
owner with the right environment, which xnai-podman provides.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

XNAI_PODMAN = "/usr/local/bin/xnai-podman"
# A podman that hangs holds the store's lock, and every further one waits for it for ever.
ANSWER_WITHIN_S = 120
ASK_PODMAN = f"timeout --kill-after=5 {ANSWER_WITHIN_S} {XNAI_PODMAN}"
OK = "@ok"

def at_once(calls: Mapping[str, str]) -> str:
    """Return shell code that asks Podman several things at once, each answer in a file of `$t`.

    Args:
        calls: file's name -> shell code that asks; `answer` reads what it printed.
    """
    each = " ".join(
        f'{{ {call} && echo {OK}; }} > "$t/{name}" 2>/dev/null &' for name, call in calls.items()
    )
    return f"{each} wait;"


def answer(lines: Sequence[str]) -> list[str] | None:
    """Return the lines that Podman printed, or None if it failed or does not exist."""
    return list(lines[:-1]) if lines and lines[-1] == OK else None


@dataclass(frozen=True)
class PodmanUnknown:
    """Podman did not answer: not installed yet, or broken. Its own state, not "nothing there"."""


def inspect(kind: str, names: Sequence[str]) -> str:
    """Return shell code that inspects by name.

    With a missing name Podman prints the others and fails.
    """
    words = " ".join(map(shlex.quote, names))
    # 124 and 137 are timeout's: then what was not printed is not missing, but unknown.
    return f"{{ {ASK_PODMAN} {kind} inspect {words}; case $? in 124|137) false ;; esac; }}"


def inspected(lines: Sequence[str]) -> list[Mapping[str, Any]] | None:
    """Return what inspecting printed, or None if it is no whole list.

    Podman's exit code is the same for "missing" and "failed", but only a Podman that works
    prints a list, be it an empty one.
    """
    try:
        entries: list[Mapping[str, Any]] = json.loads("\n".join(answer(lines) or []))
    except ValueError:
        return None
    return entries


def of_stack(stack: str) -> str:
    """Return shell code that prints the names of the containers made from a stack's compose files.

    Args:
        stack: its name, in its containers' label.
    """
    # An image's labels are its containers' too, whoever made them; the second is Compose's.
    return (
        f"{ASK_PODMAN} ps --all --filter {shlex.quote(f'label=io.xnai.stack={stack}')} "
        "--filter label=io.xnai.config --format '{{.Names}}'"
    )
