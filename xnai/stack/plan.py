"""From the catalogue to the compose file, and from a host's containers to what must be done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from xnai.facts.podman import Container
from xnai.facts.podman_call import PodmanUnknown
from xnai.images.content import BuildInput
from xnai.settings.model import Settings
from xnai.stack.catalogue import PARTS, services, tools
from xnai.stack.drift import drift
from xnai.stack.model import Service, Tool
from xnai.stack.shared import data_network
from xnai.templating.render import render


@dataclass(frozen=True)
class RenderedCompose:
    """One compose file, a project of its own.

    Attributes:
        name: of the file, docker-compose.yml or docker-compose.<part>.yml.
        project: its compose project.
        text: as rendered.
    """

    name: str
    project: str
    text: str


@dataclass(frozen=True)
class StackPlan:
    """The stack as it should be.

    Attributes:
        services: in dependency order.
        references: service or tool name -> image reference.
        config_hashes: service name -> hash of all that its container is made from.
        files: part of the stack -> its compose file.
        networks: name -> whether it is without a way out.
        volumes: name -> uid:gid of its owner inside containers.
        stack_name: name of the stack.
    """

    services: tuple[Service, ...]
    references: dict[str, str]
    config_hashes: dict[str, str]
    files: dict[str, RenderedCompose]
    networks: dict[str, bool]
    volumes: dict[str, str]
    stack_name: str

    @property
    def absent_files(self) -> list[str]:
        """Names of the compose files of parts that are switched off."""
        return [file_name(part) for part in PARTS if part not in self.files]


def plan(settings: Settings, inputs: list[BuildInput]) -> StackPlan:
    """Return the plan for `settings` with the images of `inputs`."""
    built = {item.name: item.reference for item in inputs}
    wanted = services(settings)
    references = {s.name: built[s.build] if s.build else s.image for s in wanted}
    references |= {tool.name: built[tool.build] for tool in tools(settings)}
    hashes: dict[str, str] = {}
    files: dict[str, RenderedCompose] = {}
    for part in dict.fromkeys(service.part for service in wanted):
        of_part = [service for service in wanted if service.part == part]
        # In the stack's own file, not in those of its further parts.
        by_hand = () if part else tools(settings)
        name = file_name(part)
        project = "_".join(filter(None, (settings.stack_name, part)))

        def compose(
            known: Mapping[str, str],
            name: str = name, project: str = project, of_part: list[Service] = of_part,
            by_hand: tuple[Tool, ...] = by_hand,
        ) -> str:
            return render(
                f"stack/{name}.j2",
                stack_name=settings.stack_name,
                project=project,
                services=of_part,
                tools=by_hand,
                references=references,
                config_hashes=known,
                run_arguments={s.name: run_arguments(s) for s in of_part},
                networks=sorted({network for s in of_part for network in s.networks}),
                volumes=sorted(
                    {volume for s in of_part for volume, _ in s.volumes}
                    | {volume for tool in by_hand for volume, _ in tool.volumes}
                ),
                secrets=sorted({name for s in of_part for name in s.secret_names}),
            )

        # What a container is made from is its rendered entry, whatever the template puts there.
        entries = parsed(compose({s.name: "" for s in of_part}))["services"]
        hashes |= {s.name: _hash(entries[s.name]) for s in of_part}
        files[part] = RenderedCompose(name, project, compose(hashes))
    networks = {settings.stack_name: False, data_network(settings): True}
    owners = {volume: service.user for service in wanted for volume, _ in service.volumes}
    owners |= {volume: tool.user for tool in tools(settings) for volume, _ in tool.volumes}
    return StackPlan(wanted, references, hashes, files, networks, owners, settings.stack_name)


def parsed(text: str) -> dict[str, Any]:
    """Return what a compose file of ours says.

    Args:
        text: of the file, which is YAML.
    """
    # libyaml, which PyYAML's wheels have in them: ten times as fast as the parser in Python.
    found: dict[str, Any] = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    return found


def file_name(part: str) -> str:
    """Return the name of the compose file of a part of the stack."""
    return ".".join(filter(None, ("docker-compose", part, "yml")))


def run_arguments(service: Service) -> list[str]:
    """Return the options for `podman create` that podman-compose has no key for.

    podman-compose 1.6 passes over memswap_limit, oom_score_adj and stop_grace_period without a
    word. Without --memory-swap Podman allows as much swap as memory, and without --stop-timeout
    it kills a container 10 s after SIGTERM (podman-run(1)).
    """
    return [
        f"--memory-swap={service.memory.most_mib}m",
        f"--oom-score-adj={service.memory.oom_score_adj}",
        f"--stop-timeout={service.stop_timeout_s}",
    ]


def _hash(entry: object) -> str:
    return hashlib.sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest()[:16]


def differences(
    wanted: StackPlan,
    containers: Mapping[str, Container] | PodmanUnknown,
    secrets: Mapping[str, str] | PodmanUnknown,
    image_ids: Mapping[str, str],
) -> dict[str, str]:
    """Return why each service must be recreated, by its name and in dependency order.

    A container that depends on a recreated one is recreated with it. One that is still starting
    is not recreated: the run waits for it.

    Args:
        wanted: the plan.
        containers: what is there.
        secrets: name -> ID of those that exist.
        image_ids: reference -> ID of the images that exist and will not be rebuilt.
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


def changed_images(
    wanted: StackPlan,
    reasons: Mapping[str, str],
    containers: Mapping[str, Container] | PodmanUnknown,
    image_ids: Mapping[str, str],
    as_good: Collection[str],
) -> list[str]:
    """Return the stateful services whose image changes, and those whose schema they migrate.

    In dependency order.

    Args:
        wanted: the plan.
        reasons: what `differences` returned.
        containers: what is there.
        image_ids: reference -> ID of the images that exist and will not be rebuilt.
        as_good: parts of the stack whose compose file is that of the last healthy generation. Where
            a container is absent, only this tells whether the wanted image has used its data.
    """
    found: dict[str, None] = {}
    for service in wanted.services:
        if service.name not in reasons or not service.is_stateful:
            continue
        present = not isinstance(containers, PodmanUnknown) and service.container_name in containers
        if (
            _image_differs(service, wanted, containers, image_ids) if present
            else service.part not in as_good
        ):
            found |= dict.fromkeys((service.name, *service.migrates))
    return [service.name for service in wanted.services if service.name in found]


def with_data(
    wanted: StackPlan, reasons: Mapping[str, str], copied: Collection[str]
) -> dict[str, str]:
    """Return `reasons`, the services whose data are copied, and all that depend on them.

    All of them are stopped for the copy and recreated.

    Args:
        wanted: the plan.
        reasons: what `differences` returned.
        copied: what `changed_images` returned.
    """
    found: dict[str, str] = {}
    for service in wanted.services:
        upstream = [name for name in service.depends_on if name in found]
        if service.name in reasons:
            found[service.name] = reasons[service.name]
        elif service.name in copied:
            found[service.name] = "its data are copied"
        elif upstream:
            found[service.name] = f"depends on {upstream[0]}"
    return found


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
    if differs := drift(service, container.configuration, container.cgroup):
        return f"drifted: {differs}"
    return "unhealthy" if container.health == "unhealthy" else ""


def foreign(wanted: StackPlan, containers: Mapping[str, Container], stack_name: str) -> list[str]:
    """Return the names of containers that stand where ours should, and were made by others."""
    ours = (service.container_name for service in wanted.services)
    return [name for name in ours if name in containers and containers[name].stack != stack_name]


def together(services: Sequence[Service]) -> list[list[Service]]:
    """Return services in groups, each of which depends on services of earlier groups alone.

    Args:
        services: in dependency order.
    """
    depths: dict[str, int] = {}
    for service in services:
        depths[service.name] = 1 + max((depths.get(n, -1) for n in service.depends_on), default=-1)
    return [
        [service for service in services if depths[service.name] == depth]
        for depth in range(max(depths.values(), default=-1) + 1)
    ]


def starting(wanted: StackPlan, containers: Mapping[str, Container]) -> list[str]:
    """Return the names of our containers whose first health check is still awaited."""
    ours = (service.container_name for service in wanted.services)
    return [name for name in ours if name in containers and containers[name].health == "starting"]
