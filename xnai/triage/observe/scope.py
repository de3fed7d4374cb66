"""Which containers of a host are looked at: our stack's, or those of a compose project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xnai.facts.podman_call import XNAI_PODMAN
from xnai.settings.model import Settings
from xnai.stack.catalogue import services
from xnai.stack.model import Service
from xnai.stack.paths import stack_directory
from xnai.triage.collect.questions import names, references, service_of

Store = Mapping[str, Any]
_PROJECT = ("io.podman.compose.project", "com.docker.compose.project")


@dataclass(frozen=True)
class Scope:
    """What is looked at.

    Attributes:
        words: it for a person.
        store: the user's store that it is in.
        containers: its containers, as they were collected.
        wanted: the services of our plan; none for a project that we never deployed.
        podman: how Podman is called there, from a shell of somebody who may use sudo.
        user: whose Podman it is.
    """

    words: str
    store: Store
    containers: Sequence[Mapping[str, Any]]
    wanted: tuple[Service, ...]
    podman: str
    user: str

    @property
    def is_ours(self) -> bool:
        """Whether a deploy of ours made it."""
        return bool(self.wanted)

    def by_name(self) -> dict[str, Mapping[str, Any]]:
        """Return its containers by their names."""
        return {one["name"]: one for one in self.containers}


def project_of(container: Mapping[str, Any]) -> str:
    """Return the compose project that a container was made by, or nothing."""
    labels = container["labels"]
    return next((str(labels[name]) for name in _PROJECT if name in labels), "")


def scopes(found: Mapping[str, Any], settings: Settings, project: str = "") -> list[Scope]:
    """Return what is looked at, our own stack first; nothing where there is nothing to look at.

    Args:
        found: what the collector returned.
        settings: of the host.
        project: a compose project's name, or `user/name`; by default our stack where it was
            deployed, else every compose project of every user.
    """
    if not project and is_deployed(found, settings):
        return [_ours(found, settings)]
    owner, _, name = project.rpartition("/")
    chosen = []
    for store in found["stores"]:
        if owner and store["user"] != owner:
            continue
        of_project: dict[str, list[Mapping[str, Any]]] = {}
        for one in store.get("containers") or ():
            if (its := project_of(one)) and (not name or its == name):
                of_project.setdefault(its, []).append(one)
        if not of_project and store.get("error") and store["storage"]:
            of_project = {name: []}
        for its, containers in sorted(of_project.items()):
            words = f"project {its or '(unknown)'} of {store['user']}"
            chosen.append(Scope(words, store, containers, (), _podman(store), store["user"]))
    return chosen


def is_deployed(found: Mapping[str, Any], settings: Settings) -> bool:
    """Return whether a deploy of ours, under this name, has been on the host."""
    return bool(found["links"].get(stack_directory(settings)))


def other_stacks(found: Mapping[str, Any], settings: Settings) -> list[str]:
    """Return the names of other stacks that our deploys made on the host."""
    labels = (
        one["labels"].get("io.xnai.stack", "")
        for store in found["stores"] for one in store.get("containers") or ()
    )
    return sorted(set(labels) - {"", settings.stack_name})


def _ours(found: Mapping[str, Any], settings: Settings) -> Scope:
    wanted = services(settings)
    names = {service.container_name for service in wanted}
    nobody: Store = {
        "user": settings.stack_user, "uid": 0, "error": "there is no such user",
        "storage": False, "session": False, "runtime_dir": False, "answers": {}, "home": "",
    }
    store: Store = next(
        (one for one in found["stores"] if one["user"] == settings.stack_user),
        nobody,
    )
    mine = [
        one for one in store.get("containers") or ()
        if one["name"] in names or (
            one["labels"].get("io.xnai.stack") == settings.stack_name
            and "io.xnai.config" in one["labels"]
        )
    ]
    has_wrapper = found["links"].get(XNAI_PODMAN)
    podman = "sudo xnai-podman" if has_wrapper else _podman(store)
    return Scope(
        f"stack {settings.stack_name}", store, mine, wanted, podman, settings.stack_user
    )


def _podman(store: Store) -> str:
    return (
        f"sudo -u {store['user']} env -C / XDG_RUNTIME_DIR=/run/user/{store['uid']} podman"
    )


def needs(scope: Scope) -> dict[str, set[str]]:
    """Return container -> containers that it needs: by our plan, by Podman, by its environment."""
    found: dict[str, set[str]] = {one["name"]: set() for one in scope.containers}
    by_id = {one["id"]: one["name"] for one in scope.containers}
    of_service = {service.name: service.container_name for service in scope.wanted}
    for service in scope.wanted:
        mine = found.setdefault(service.container_name, set())
        mine |= {of_service[name] for name in service.depends_on}
        words = " ".join(value for _, value in service.environment)
        mine |= {
            other.container_name for other in scope.wanted
            if other.port and other is not service and f"{other.name}:{other.port}" in words
            and f"//{other.name}:" in words
        }
    for one in scope.containers:
        found[one["name"]] |= {by_id[id_] for id_ in one["dependencies"] if id_ in by_id}
        for _, host, _ in references(one):
            found[one["name"]] |= {
                other["name"] for other in scope.containers
                if host in names(other) and other is not one
            }
    return found


def service_names(scope: Scope) -> dict[str, str]:
    """Return container -> its service's name, those of our plan included."""
    named = {service.container_name: service.name for service in scope.wanted}
    return {one["name"]: service_of(one) for one in scope.containers} | named
