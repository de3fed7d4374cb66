"""What the stack user's Podman holds: images, secrets, containers; read at once.

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


def answer(lines: Sequence[str]) -> list[str] | None:
    """Return the lines that Podman printed, or None if it failed or does not exist."""
    return list(lines[:-1]) if lines and lines[-1] == _OK else None


@dataclass(frozen=True)
class PodmanUnknown:
    """Podman did not answer: not installed yet, or broken. Its own state, not "nothing there"."""


@dataclass(frozen=True)
class Secret:
    """A Podman secret without its value."""

    id: str
    created: datetime


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
        restarts: how often Podman restarted it by its restart policy.
    """

    name: str
    state: str
    health: str
    image: str
    config: str
    created: datetime
    exit_code: int
    ports: tuple[tuple[str, int, int], ...]
    restarts: int

    @property
    def is_up(self) -> bool:
        """Whether it runs and its health check passes."""
        return self.state == "running" and self.health in {"healthy", ""}


@dataclass(frozen=True)
class StoreFacts:
    """What the images, secrets and stack steps compare with the settings.

    Attributes:
        images: the stack's own images, reference -> content hash of its label.
        secrets: those of the secrets asked for that exist, by name.
        containers: the stack's containers, by name.
        files: path -> state of the files asked for that exist.
        enabled: whether the boot unit is enabled.
    """

    images: dict[str, str] | PodmanUnknown
    secrets: dict[str, Secret] | PodmanUnknown
    containers: dict[str, Container] | PodmanUnknown
    files: dict[str, FileState]
    enabled: bool


def _label_filter(stack_name: str) -> str:
    return f"--filter {shlex.quote(f'label=io.xnai.stack={stack_name}')}"


def _ps(stack_name: str) -> str:
    return f"{XNAI_PODMAN} ps --all {_label_filter(stack_name)} --format json"


class Store(FactBase[StoreFacts]):
    """The stack user's Podman store and the stack's own files, by one command."""

    def command(
        self, stack_name: str, label: str, secrets: Sequence[str], paths: Sequence[str], wants: str
    ) -> str:
        """Return the script; its three Podman calls run at once, for each takes its time.

        Args:
            stack_name: the stack's name, for the label.
            label: name of the images' content label.
            secrets: names of Podman secrets, at least one.
            paths: our files, absolute.
            wants: the link that enables the boot unit.
        """
        names = " ".join(shlex.quote(name) for name in secrets)
        form = f'{{{{.Repository}}}}:{{{{.Tag}}}} {{{{index .Labels "{label}"}}}}'
        calls = {
            "images": f"{XNAI_PODMAN} images {_label_filter(stack_name)} "
            f"--format {shlex.quote(form)}",
            # With a missing name it prints the others and fails: "none" and "no Podman" differ
            # by the other calls.
            "secrets": f"{{ {XNAI_PODMAN} secret inspect {names} || :; }}",
            "containers": _ps(stack_name),
        }
        at_once = " ".join(
            f'{{ {call} && echo {_OK}; }} > "$t/{name}" 2>/dev/null &'
            for name, call in calls.items()
        )
        return f"t=$(mktemp -d) && {{ {at_once} wait; }}\n" + script(
            {name: f'cat "$t/{name}"' for name in calls}
            | {
                "files": file_states(paths),
                "enabled": f'rm -rf "$t"; ls {shlex.quote(wants)}; :',
            }
        )

    def process(self, output: list[str]) -> StoreFacts:
        """Parse the sections; a missing one is unknown or absent."""
        found = split(output)
        images = answer(found.get("images", []))
        secrets = None if images is None else answer(found.get("secrets", []))
        return StoreFacts(
            images=PodmanUnknown() if images is None else
            dict(line.rsplit(" ", 1) for line in images if " " in line),
            secrets=PodmanUnknown() if secrets is None else parse_secrets("\n".join(secrets)),
            containers=_containers(found),
            files=parse_file_states(found.get("files", [])),
            enabled=bool(found.get("enabled")),
        )


class Running(FactBase[dict[str, Container] | PodmanUnknown]):
    """The stack's containers alone, for waiting."""

    def command(self, stack_name: str, check: str = "") -> str:
        """Return the script.

        Args:
            stack_name: the stack's name, for the label.
            check: a container whose health check to run now; its interval is long.
        """
        now = f"{XNAI_PODMAN} healthcheck run {shlex.quote(check)} >&2; " if check else ""
        return script({"containers": f"{now}{_ps(stack_name)} && echo {_OK}; :"})

    def process(self, output: list[str]) -> dict[str, Container] | PodmanUnknown:
        """Parse the section; PodmanUnknown where Podman failed."""
        return _containers(split(output))


def _containers(found: dict[str, list[str]]) -> dict[str, Container] | PodmanUnknown:
    lines = answer(found.get("containers", []))
    return PodmanUnknown() if lines is None else parse_containers("\n".join(lines))


def parse_secrets(text: str) -> dict[str, Secret]:
    """Return the secrets of `podman secret inspect`, by name; values are not in it."""
    return {
        entry["Spec"]["Name"]: Secret(
            # Whole seconds, as a container's time of creation has no finer ones.
            entry["ID"], parse_time(entry["UpdatedAt"]).replace(microsecond=0)
        )
        for entry in json.loads(text or "[]")
    }


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
        restarts=int(entry.get("Restarts") or 0),
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
