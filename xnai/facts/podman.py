"""What the stack user's Podman holds: images, secrets, containers; read by one command."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyinfra.api.facts import FactBase

from xnai.facts.cgroups import SCRIPT as CGROUPS
from xnai.facts.cgroups import Cgroup, parse_cgroups
from xnai.facts.configuration import Configuration, parse_configuration
from xnai.facts.podman_call import (
    ASK_PODMAN,
    XNAI_PODMAN,
    PodmanUnknown,
    answer,
    at_once,
    inspect,
    inspected,
    of_stack,
)
from xnai.facts.sections import FileState, file_states, parse_file_states, script, split

VALUE_LABEL = "io.xnai.value"
"""Label of a Podman secret: a salted hash, to tell whether the user's file still has its value."""


@dataclass(frozen=True)
class StoreImage:
    """An image of the store.

    Attributes:
        id: of its configuration.
        names: repository:tag, of which it may have none.
        digests: of its manifest, as a name pins it.
        created_s: when it was made, seconds since 1970.
        containers: how many containers use it.
        labels: ours, by name; empty on foreign images.
    """

    id: str
    names: tuple[str, ...]
    digests: tuple[str, ...]
    created_s: int
    containers: int
    labels: dict[str, str]


@dataclass(frozen=True)
class Container:
    """A container as `podman container inspect` shows it.

    Attributes:
        name: container name.
        id: its ID, 64 hexadecimal digits.
        state: Podman's word: created, running, exited, stopped, paused.
        health: healthy, unhealthy, starting, or empty without a health check.
        stack: our label with the stack's name; empty on a container that is not ours.
        config: our label with the hash of all that it was made from.
        image_id: of the image that it was made from.
        secrets: name -> ID of the secrets that it was made with.
        exit_code: of the last run; meaningless while it runs.
        restarts: how often Podman restarted it by its restart policy.
        configuration: what it was made with.
        cgroup: its live memory values; None while it does not run.
        answers: whether its `ready_url` answered; None where no URL was asked.
    """

    name: str
    id: str
    state: str
    health: str
    stack: str
    config: str
    image_id: str
    secrets: dict[str, str]
    exit_code: int
    restarts: int
    configuration: Configuration
    cgroup: Cgroup | None = None
    answers: bool | None = None

    @property
    def is_up(self) -> bool:
        """Whether it runs, its health check passes, and it answers where it was asked."""
        return (
            self.state == "running" and self.health in {"healthy", ""}
            and self.answers is not False
        )


@dataclass(frozen=True)
class StoreFacts:
    """What the images, secrets and stack steps compare with the settings.

    Attributes:
        images: every image, ours or not.
        secrets: those of the secrets asked for that exist, name -> ID.
        containers: those of the containers asked for that exist, by name.
        of_stack: names of all containers that were made from a compose file of ours.
        files: path -> state of the files asked for that exist.
        enabled: whether the boot unit is enabled.
        set_up: whether a deploy has set Podman up here; then it is an error if it does not answer.
        secret_labels: name -> value of VALUE_LABEL, of secrets that have one.
    """

    images: tuple[StoreImage, ...] | PodmanUnknown
    secrets: dict[str, str] | PodmanUnknown
    containers: dict[str, Container] | PodmanUnknown
    of_stack: frozenset[str]
    files: dict[str, FileState]
    enabled: bool
    set_up: bool
    secret_labels: Mapping[str, str] = field(default_factory=dict)


class Store(FactBase[StoreFacts]):
    """The stack user's Podman store and the stack's own files, by one command."""

    def command(
        self,
        stack: str,
        secrets: Sequence[str],
        containers: Sequence[str],
        paths: Sequence[str],
        wants: str,
        others: bool = True,
    ) -> str:
        """Return the script; its Podman calls run in parallel, as each is slow.

        Args:
            stack: the stack's name, in its containers' label.
            secrets: names of Podman secrets, at least one.
            containers: names of containers, at least one; ours or not.
            paths: our files, absolute.
            wants: the link that enables the boot unit.
            others: whether to ask also for containers of this stack with other names.
        """
        calls = {
            "images": f"{ASK_PODMAN} images --format json",
            "secrets": inspect("secret", secrets),
            "containers": inspect("container", containers),
        }
        if others:
            calls["of_stack"] = of_stack(stack)
        wants = shlex.quote(wants)
        # Podman's answers last: a process of the stack's user may have written them, and what comes
        # again is not counted.
        return f"t=$(mktemp -d) && {{ {at_once(calls)} }}\n" + script(
            {
                "cgroups": CGROUPS,
                "files": file_states(paths),
                "enabled": f"if [ -e {wants} ] || [ -L {wants} ]; then echo enabled; fi",
                "set_up": f"[ ! -e {XNAI_PODMAN} ] || echo set up",
            }
            | {name: f'cat "$t/{name}"' for name in calls}
            | {"removed": 'rm -rf "$t"'}
        )

    def process(self, output: list[str]) -> StoreFacts:
        """Parse the sections; a missing one is unknown or absent."""
        found = split(output)
        images = inspected(found.get("images", []))
        unknown = images is None
        secrets = None if unknown else inspected(found.get("secrets", []))
        containers = None if unknown else inspected(found.get("containers", []))
        return StoreFacts(
            images=PodmanUnknown() if images is None else parse_images(images),
            secrets=PodmanUnknown() if secrets is None else parse_secrets(secrets),
            containers=(
                PodmanUnknown() if containers is None
                else parse_containers(containers, parse_cgroups(found.get("cgroups", [])))
            ),
            of_stack=frozenset(answer(found.get("of_stack", [])) or ()),
            files=parse_file_states(found.get("files", [])),
            enabled=bool(found.get("enabled")),
            set_up=bool(found.get("set_up")),
            secret_labels=parse_secret_labels(secrets or ()),
        )


def parse_images(entries: Sequence[Mapping[str, Any]]) -> tuple[StoreImage, ...]:
    """Return the images that `podman images --format json` prints, each once.

    Podman lists one with two names twice, each time with both names.
    """
    once = {entry["Id"]: entry for entry in entries}
    return tuple(
        StoreImage(
            id=entry["Id"],
            names=tuple(entry.get("Names") or ()),
            digests=tuple(
                digest.partition("@")[2] for digest in entry.get("RepoDigests") or ()
            ),
            created_s=int(entry.get("Created") or 0),
            containers=int(entry.get("Containers") or 0),
            labels={
                name: value for name, value in (entry.get("Labels") or {}).items()
                if name.startswith("io.xnai.")
            },
        )
        for entry in once.values()
    )


def parse_secrets(entries: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return name -> ID from what `podman secret inspect` prints; values are not in it."""
    return {entry["Spec"]["Name"]: entry["ID"] for entry in entries}


def parse_secret_labels(entries: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return name -> VALUE_LABEL of the secrets that have one."""
    return {
        entry["Spec"]["Name"]: value for entry in entries
        if (value := (entry["Spec"].get("Labels") or {}).get(VALUE_LABEL))
    }


def parse_containers(
    entries: Sequence[Mapping[str, Any]], cgroups: Mapping[str, Cgroup]
) -> dict[str, Container]:
    """Return the containers that `podman container inspect` prints, by name.

    Args:
        entries: its list.
        cgroups: container ID -> cgroup of those that run.
    """
    return {entry["Name"]: _container(entry, cgroups.get(entry["Id"])) for entry in entries}


def _container(entry: Mapping[str, Any], cgroup: Cgroup | None) -> Container:
    labels = entry["Config"].get("Labels") or {}
    state = entry["State"]
    return Container(
        name=entry["Name"],
        id=entry["Id"],
        state=state["Status"],
        health=(state.get("Health") or {}).get("Status", ""),
        stack=labels.get("io.xnai.stack", ""),
        config=labels.get("io.xnai.config", ""),
        image_id=entry.get("Image", ""),
        secrets={item["Name"]: item["ID"] for item in entry["Config"].get("Secrets") or []},
        exit_code=int(state.get("ExitCode") or 0),
        restarts=int(entry.get("RestartCount") or 0),
        configuration=parse_configuration(entry),
        cgroup=cgroup,
    )
