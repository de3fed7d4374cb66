"""The answer to "what is with this service", in one paragraph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xnai.triage.ask import Looked
from xnai.triage.diagnosis import UNKNOWN, Diagnosis
from xnai.triage.fit import is_well

WELL, WRONG, CANNOT_TELL = 0, 1, 2


def containers_of(looked: Looked, service: str) -> list[str]:
    """Return the containers of a service, by its name, or by a part of its container's name.

    Args:
        looked: one stack or project.
        service: as redis, chainlit, vikunja.
    """
    named = looked.seen.services
    exact = [name for name, its in named.items() if its == service]
    return exact or [
        name for name, its in named.items()
        if its.startswith(service) or name.endswith(f"_{service}") or f"_{service}_" in name
    ]


def answer(looked: Looked, service: str) -> tuple[int, str]:
    """Return whether a service is well (0), not (1), or that it could not be told (2), and why.

    Args:
        looked: one stack or project.
        service: as redis, chainlit, vikunja.
    """
    found = containers_of(looked, service)
    if not found:
        return _not_there(looked, service)
    wrong = [root for root in looked.judgement.roots if _touches(root, found)]
    if wrong:
        return WRONG, " ".join(_of_root(root, found, service) for root in wrong)
    blind = [spot for spot in looked.judgement.blind if spot.subject.startswith("containers of")]
    if blind:
        return CANNOT_TELL, f"{service}: could not be told: {blind[0].why}."
    return WELL, " ".join(_of_well(looked, name) for name in found)


def _touches(root: Diagnosis, names: list[str]) -> bool:
    return root.entity in names or any(one.entity in names for one in root.consequences)


def _of_root(root: Diagnosis, names: list[str], service: str) -> str:
    seen = f" Seen: {root.evidence[0].text}." if root.evidence else ""
    do = "" if not root.remedy else (
        f" To do: {root.remedy}." if root.tried else f" Would this help? {root.remedy}"
    )
    if root.entity in names:
        head = f"{service} ({root.entity}): {root.title}"
    else:
        follows = next(one for one in root.consequences if one.entity in names)
        head = (
            f"{service} ({follows.entity}): {follows.title}. That follows from {root.entity}: "
            f"{root.title}"
        )
    why = "" if root.id == UNKNOWN else f": {root.cause}"
    return f"{head}{why}.{seen}{do}"


def _of_well(looked: Looked, name: str) -> str:
    seen = looked.seen
    state = next((one.text for one in seen.of(name, "state")), "")
    service = seen.services.get(name, name)
    words = "up and healthy" if "healthy" in state else "up; it has no health check"
    if not is_well(seen.of(name)):
        words = state or "not seen"
    answers = [one.text for one in seen.of(name, "answer")][:2]
    text = f"{service} ({name}) is {words}"
    text += f" ({'; '.join(answers)})." if answers else "."
    ports = [one for one in seen.of(name, "port") if one.text.startswith("published")]
    if ports:
        text += f" On the host: {'; '.join(one.text for one in ports)}."
    for choice in looked.judgement.choices:
        if choice.entity == name:
            text += f" {choice.cause}. To reach it: {choice.remedy}."
    history = [line for line in looked.judgement.history if line.startswith(f"{name}:")]
    if history:
        text += f" Before it was last well: {history[0].partition(': ')[2]}."
    return text


def _not_there(looked: Looked, service: str) -> tuple[int, str]:
    scope = looked.scope
    if scope.store.get("containers") is None:
        why = str(scope.store.get("error") or "Podman did not answer")
        return CANNOT_TELL, f"{service}: could not be told: {why}."
    if scope.is_ours:
        return WRONG, (
            f"{service} is no part of {scope.words}: the settings have switched it off, or it has "
            "another name. See: xnai settings."
        )
    files = sorted({file for one in scope.containers for file in compose_files(one)})
    made = f" The others were made from {', '.join(files)}" if files else (
        " Nothing says from which compose file the others were made"
    )
    return WRONG, (
        f"{scope.words} has no container of a service {service}: it was never built or started, or "
        f"was removed.{made}: podman-compose reads further files, such as "
        f"docker-compose.{service}.yml, only where they are named: podman-compose -f "
        f"docker-compose.{service}.yml up --detach."
    )


def compose_files(container: Mapping[str, Any]) -> list[str]:
    """Return the compose files that a container's labels say it was made from."""
    labels = container["labels"]
    text = labels.get("com.docker.compose.project.config_files") or labels.get(
        "io.podman.compose.project.config_files", ""
    )
    return [word for word in str(text).split(",") if word]
