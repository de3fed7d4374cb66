"""What the stack user's Podman holds: images, secrets, containers. A command each.

pyinfra's own podman facts run as whoever runs pyinfra; a rootless store is only seen by its
owner with the right environment, which xnai-podman provides.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pyinfra.api.facts import FactBase

from xnai.facts.sections import FileState, file_states, parse_file_states, script, split

XNAI_PODMAN = "/usr/local/bin/xnai-podman"
_OK = "@ok"


def ask(arguments: str) -> str:
    """Return shell code that runs xnai-podman and marks success, so that a failure shows."""
    return f"{XNAI_PODMAN} {arguments} && echo {_OK}; :"


def answer(lines: Sequence[str]) -> list[str] | None:
    """Return the lines that Podman printed, or None if it failed or does not exist."""
    return list(lines[:-1]) if lines and lines[-1] == _OK else None


@dataclass(frozen=True)
class PodmanUnknown:
    """Podman did not answer: not installed yet, or broken. Its own state, not "nothing there"."""


class Images(FactBase[dict[str, str] | PodmanUnknown]):
    """The stack's own images: reference -> content hash of its label."""

    def command(self, stack_name: str, label: str) -> str:
        """Return the script; `label` is the name of the content label."""
        form = f'{{{{.Repository}}}}:{{{{.Tag}}}} {{{{index .Labels "{label}"}}}}'
        filters = shlex.quote(f"label=io.xnai.stack={stack_name}")
        return script({"images": ask(f"images --filter {filters} --format {shlex.quote(form)}")})

    def process(self, output: list[str]) -> dict[str, str] | PodmanUnknown:
        """Parse `repository:tag hash` lines."""
        lines = answer(split(output).get("images", []))
        if lines is None:
            return PodmanUnknown()
        return dict(line.rsplit(" ", 1) for line in lines if " " in line)


@dataclass(frozen=True)
class Secret:
    """A Podman secret without its value."""

    id: str
    created: datetime


class Secrets(FactBase[dict[str, Secret] | PodmanUnknown]):
    """The names, IDs and times of the stack user's secrets; never their values."""

    def command(self) -> str:
        """Return the script."""
        return script(
            {
                "secrets": f"i=$({XNAI_PODMAN} secret ls -q) && if [ -z \"$i\" ]; then echo '[]'; "
                f"else {XNAI_PODMAN} secret inspect $i; fi && echo {_OK}; :"
            }
        )

    def process(self, output: list[str]) -> dict[str, Secret] | PodmanUnknown:
        """Parse the JSON of `podman secret inspect`."""
        lines = answer(split(output).get("secrets", []))
        if lines is None:
            return PodmanUnknown()
        return {
            entry["Spec"]["Name"]: Secret(entry["ID"], parse_time(entry["UpdatedAt"]))
            for entry in json.loads("\n".join(lines))
        }


@dataclass(frozen=True)
class Container:
    """A container of the stack as `podman ps` shows it.

    Attributes:
        name: container name.
        state: Podman's word: created, running, exited, stopped, paused.
        health: healthy, unhealthy, starting, or empty without a health check.
        image: reference that it was made from.
        config: our label with the hash of all that it was made from.
        created: when it was made.
        exit_code: of the last run; meaningless while it runs.
        ports: published ports as (host address, host port, container port).
    """

    name: str
    state: str
    health: str
    image: str
    config: str
    created: datetime
    exit_code: int
    ports: tuple[tuple[str, int, int], ...]

    @property
    def is_up(self) -> bool:
        """Whether it runs and its health check passes."""
        return self.state == "running" and self.health in {"healthy", ""}


@dataclass(frozen=True)
class StackFacts:
    """What the stack step compares with the settings."""

    containers: dict[str, Container] | PodmanUnknown
    files: dict[str, FileState]
    enabled: bool


class Stack(FactBase[StackFacts]):
    """The stack's containers, compose file and boot unit by one command."""

    def command(self, stack_name: str, paths: Sequence[str], wants: str) -> str:
        """Return the script.

        Args:
            stack_name: the stack's name, for the label.
            paths: our files, absolute.
            wants: the link that enables the boot unit.
        """
        filters = shlex.quote(f"label=io.xnai.stack={stack_name}")
        return script(
            {
                "containers": ask(f"ps --all --filter {filters} --format json"),
                "files": file_states(paths),
                "enabled": f"ls {shlex.quote(wants)}; :",
            }
        )

    def process(self, output: list[str]) -> StackFacts:
        """Parse the sections; a missing one is unknown or absent."""
        found = split(output)
        lines = answer(found.get("containers", []))
        return StackFacts(
            containers=PodmanUnknown() if lines is None else parse_containers("\n".join(lines)),
            files=parse_file_states(found.get("files", [])),
            enabled=bool(found.get("enabled")),
        )


def parse_containers(text: str) -> dict[str, Container]:
    """Return the containers of `podman ps --format json`, by name."""
    return {entry["Names"][0]: _container(entry) for entry in json.loads(text or "[]")}


def _container(entry: dict[str, Any]) -> Container:
    labels = entry.get("Labels") or {}
    return Container(
        name=entry["Names"][0],
        state=entry["State"],
        health=_health(entry.get("Status", "")),
        image=entry["Image"],
        config=labels.get("io.xnai.config", ""),
        created=parse_time(entry["Created"]),
        exit_code=int(entry.get("ExitCode") or 0),
        ports=tuple(_ports(entry.get("Ports") or [])),
    )


def _health(status: str) -> str:
    """`Up 3 minutes (healthy)` -> healthy."""
    words = ("unhealthy", "healthy", "starting")
    return next((word for word in words if f"({word})" in status), "")


def _ports(ports: Iterable[dict[str, Any]]) -> Iterable[tuple[str, int, int]]:
    for port in ports:
        for offset in range(port.get("range", 1)):
            yield (
                port.get("host_ip") or "0.0.0.0",  # noqa: S104  (Podman's word for "all")
                port["host_port"] + offset,
                port["container_port"] + offset,
            )


def parse_time(value: str | int) -> datetime:
    """Return Podman's time (RFC 3339 with nanoseconds, or Unix seconds) as an aware datetime."""
    if isinstance(value, int):
        return datetime.fromtimestamp(value).astimezone()
    return datetime.fromisoformat(value).astimezone()
