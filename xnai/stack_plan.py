"""From the catalogue to the compose file, and from a host's containers to what must be done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from xnai.catalogue import Service, services
from xnai.facts.podman import Container, PodmanUnknown
from xnai.image_content import BuildInput
from xnai.render import render
from xnai.settings.model import Settings


@dataclass(frozen=True)
class StackPlan:
    """The stack as it should be.

    Attributes:
        services: in dependency order.
        references: service name -> image reference.
        config_hashes: service name -> hash of all that its container is made from.
        compose_text: the rendered compose file.
    """

    services: tuple[Service, ...]
    references: dict[str, str]
    config_hashes: dict[str, str]
    compose_text: str


def plan(settings: Settings, inputs: list[BuildInput]) -> StackPlan:
    """Return the plan for `settings` with the images of `inputs`."""
    built = {item.name: item.reference for item in inputs}
    wanted = services(settings)
    references = {s.name: built[s.build] if s.build else s.image for s in wanted}

    def compose(hashes: Mapping[str, str]) -> str:
        return render(
            "stack/docker-compose.yml.j2",
            stack_name=settings.stack_name,
            services=wanted,
            references=references,
            config_hashes=hashes,
            volumes=sorted({name for s in wanted for name, _ in s.volumes}),
            secrets=sorted({secret.secret for s in wanted for secret in s.secrets}),
        )

    # What a container is made from is its rendered entry, whatever the template puts there.
    entries = yaml.safe_load(compose({s.name: "" for s in wanted}))["services"]
    hashes = {name: _hash(entry) for name, entry in entries.items()}
    return StackPlan(wanted, references, hashes, compose(hashes))


def _hash(entry: object) -> str:
    return hashlib.sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest()[:16]


def differences(
    wanted: StackPlan,
    containers: Mapping[str, Container] | PodmanUnknown,
    secrets: Mapping[str, str] | PodmanUnknown,
    image_ids: Mapping[str, str],
) -> dict[str, str]:
    """Return for each service that must be brought up why, in dependency order.

    A container that depends on a recreated one is recreated with it. One that is still starting
    is no difference: it is waited for.

    Args:
        wanted: the plan.
        containers: what is there.
        secrets: name -> ID of those that exist.
        image_ids: reference -> ID of the images that exist and will not be built anew.
    """
    reasons: dict[str, str] = {}
    for service in wanted.services:
        reason = _reason(service, wanted, containers, secrets)
        if not reason and _image_differs(service, wanted, containers, image_ids):
            reason = "its image changed"
        if not reason:
            upstream = [name for name in service.depends_on if name in reasons]
            reason = f"depends on {upstream[0]}" if upstream else ""
        if reason:
            reasons[service.name] = reason
    return reasons


def _image_differs(
    service: Service,
    wanted: StackPlan,
    containers: Mapping[str, Container] | PodmanUnknown,
    image_ids: Mapping[str, str],
) -> bool:
    """Whether the container was made from another image than the one that has the name now."""
    if isinstance(containers, PodmanUnknown):
        return False
    reference = wanted.references[service.name]
    return containers[service.container_name].image_id != image_ids.get(reference)


def _reason(
    service: Service,
    wanted: StackPlan,
    containers: Mapping[str, Container] | PodmanUnknown,
    secrets: Mapping[str, str] | PodmanUnknown,
) -> str:
    """Why one service's container is not as it should be; empty if it is."""
    if isinstance(containers, PodmanUnknown) or isinstance(secrets, PodmanUnknown):
        return "no Podman yet"
    container = containers.get(service.container_name)
    if container is None:
        return "absent"
    if container.config != wanted.config_hashes[service.name]:
        return "configuration changed"
    for item in service.secrets:
        # A container keeps the secret that it was made with, whatever happened to it since.
        if container.secrets.get(item.secret) != secrets.get(item.secret, "absent"):
            return f"secret {item.secret} changed"
    if container.state != "running":
        return f"{container.state}, exit code {container.exit_code}"
    return "unhealthy" if container.health == "unhealthy" else ""


def foreign(wanted: StackPlan, containers: Mapping[str, Container], stack_name: str) -> list[str]:
    """Return the names of containers that stand where ours should, and were made by others."""
    ours = (service.container_name for service in wanted.services)
    return [name for name in ours if name in containers and containers[name].stack != stack_name]


def starting(wanted: StackPlan, containers: Mapping[str, Container]) -> list[str]:
    """Return the names of our containers whose first health check is still awaited."""
    ours = (service.container_name for service in wanted.services)
    return [name for name in ours if name in containers and containers[name].health == "starting"]
