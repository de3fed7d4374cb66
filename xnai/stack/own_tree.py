"""What the settings say of the user's own tree, put upon a reference service and its image."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path

from xnai.images.model import CopiedPath, Image
from xnai.settings.checks_containers import OwnContainer
from xnai.settings.checks_sources import Source
from xnai.settings.model import Settings
from xnai.stack.model import Service
from xnai.stack.shared import http_health, own_secret

_COMMON = "/opt/common"
"""Where our own modules lie in every image, the health check's among them."""


def service_of(service: Service, source: Source, settings: Settings) -> Service:
    """Return a service as a source wants it.

    Args:
        service: the reference service.
        source: of the user's own tree.
        settings: the host's.
    """
    own, health = source.container, source.container.health
    environment = dict(service.environment) | _joined(dict(source.environment))
    by_secret = tuple(
        (variable, own_secret(settings, name).secret)
        for variable, name in own.environment_secrets
    )
    # As files too: by those a container that has an old value is found.
    files = {secret.secret: secret for secret in service.secrets}
    files |= {
        secret.secret: secret for _, name in own.environment_secrets
        if (secret := own_secret(settings, name)).secret not in files
    }
    at = {path.partition(":")[0] for path in own.tmpfs}
    url = health.url and http_health(health.url)
    return dataclasses.replace(
        service,
        environment=tuple(environment.items()),
        secrets=tuple(files.values()),
        secret_environment=by_secret,
        tmpfs=(*(path for path in service.tmpfs if path not in at), *own.tmpfs),
        volumes=(
            *service.volumes,
            *((volume(settings, service.name, name), path) for name, path in own.volumes),
        ),
        binds=(*service.binds, *own.mounts),
        working_directory=own.working_directory,
        aliases=own.aliases,
        restart=own.restart or service.restart,
        cpus=own.cpus,
        health_command=(
            source.health_command or health.command or url or service.health_command
        ),
        health_interval_s=_or(health.interval_s, service.health_interval_s),
        health_timeout_s=_or(health.timeout_s, service.health_timeout_s),
        health_retries=_or(health.retries, service.health_retries),
        health_start_period_s=_or(health.start_period_s, service.health_start_period_s),
    )


def _or(value: int | None, default: int) -> int:
    return default if value is None else value


def _joined(environment: dict[str, str]) -> dict[str, str]:
    """The user's variables; where the image needs one of them too, both."""
    if path := environment.get("PYTHONPATH"):
        environment["PYTHONPATH"] = f"{path}:{_COMMON}"
    return environment


def volume(settings: Settings, service: str, name: str) -> str:
    """Return the Podman volume of a service's own volume."""
    return f"{settings.stack_name}_{service}_{name}"


def image_of(image: Image, source: Source) -> Image:
    """Return an image made of the user's own tree."""
    copies = tuple(
        CopiedPath(source.context, path, f"{image.own_tree_place}/{destination}", source.exclude)
        for path, destination in source.copy
    )
    return dataclasses.replace(
        image,
        copies=(*image.always_copied, *copies),
        requirements=_lock(source),
        apt_packages=source.apt_packages,
        source_packages=source.source_packages,
        build_apt_packages=source.build_apt_packages,
        command=source.command or image.command,
        strict=source.strict,
        # Podman takes a new volume's owner from the image; at a path that the image lacks it gives
        # an empty one back to root when the container is restarted.
        directories=tuple(path for _, path in source.container.volumes),
    )


def _lock(source: Source) -> CopiedPath:
    """The lock: of the tree, or one beside the settings, which git need not track."""
    if Path(source.requirements).is_absolute():
        return CopiedPath(
            source.lock.parent, source.lock.name, "requirements.txt", is_tracked=False
        )
    return CopiedPath(source.context, source.requirements, "requirements.txt")


def misfits(
    settings: Settings, services: Sequence[Service], secrets: Iterable[str], where: str
) -> list[str]:
    """Return a sentence for each thing in service_sources that does not fit the stack.

    Args:
        settings: the host's.
        services: of the stack, made with these sources.
        secrets: Podman secrets of the stack.
        where: file and line of service_sources.
    """
    found = []
    prefix = f"{settings.stack_name}_"
    known = sorted(name.removeprefix(prefix) for name in secrets)
    names = {service.name: service.name for service in services}
    for service, source in settings.service_sources.items():
        own: OwnContainer = source.container
        said = f"service_sources[{service!r}]"
        for variable, secret in own.environment_secrets:
            if secret not in known:
                found.append(
                    f"{said}['environment_secrets'] = {{{variable!r}: {secret!r}}} ({where}): the "
                    f"stack has the secrets {', '.join(known)}"
                )
        for alias in own.aliases:
            other = names.setdefault(alias, service)
            if other != service:
                found.append(
                    f"{said}['aliases'] has {alias!r} ({where}): that is a name of {other}"
                )
    return found
