"""The stack's containers as Podman tells them, and its start anew."""

from __future__ import annotations

import json
import pwd
import subprocess
from dataclasses import dataclass
from typing import Any

PODMAN = "/usr/local/bin/xnai-podman"
_LIMIT_S = 60


@dataclass(frozen=True)
class RunningContainers:
    """Those that run.

    Attributes:
        groups: name -> path of the control group.
        health: name -> healthy, starting, unhealthy, or an empty text where it has no check.
        started: name -> when it was started, as Podman writes it.
    """

    groups: dict[str, str]
    health: dict[str, str]
    started: dict[str, str]


def _run(words: list[str], limit_s: int = _LIMIT_S) -> str | None:
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, timeout=limit_s, cwd="/",
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def parsed(text: str) -> RunningContainers:
    """Return what `podman container inspect` says of those that run."""
    found = RunningContainers({}, {}, {})
    entries: list[dict[str, Any]] = json.loads(text)
    for one in entries:
        state = one.get("State") or {}
        if state.get("Status") == "running" and state.get("CgroupPath"):
            name = str(one["Name"])
            found.groups[name] = str(state["CgroupPath"])
            found.health[name] = str((state.get("Health") or {}).get("Status") or "")
            found.started[name] = str(state.get("StartedAt") or "")
    return found


def containers(names: list[str]) -> RunningContainers | None:
    """Return those of the stack that run; None where Podman does not answer."""
    listed = _run([PODMAN, "ps", "--format", "{{.Names}}"])
    if listed is None:
        return None
    there = [name for name in listed.split() if name in names]
    text = _run([PODMAN, "container", "inspect", *there]) if there else "[]"
    return None if text is None else parsed(text)


def restart(user: str, unit: str) -> bool:
    """Start the stack anew by its boot unit; return whether that could be done."""
    uid = pwd.getpwnam(user).pw_uid
    return _run(
        [
            "runuser", "-u", user, "--", "env", f"XDG_RUNTIME_DIR=/run/user/{uid}",
            "systemctl", "--user", "restart", "--no-block", unit,
        ],
    ) is not None
