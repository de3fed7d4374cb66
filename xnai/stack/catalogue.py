"""What the settings make of the built-in services: services, images, tools, secrets, settings.

Everything that names a service reads it from here: images, compose files, preflight's sums, the
status table, the host tests. A further service is one more file in services/ and, if it is built,
one Dockerfile template: docs/contributing.md.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import TypeVar

from xnai.images import content
from xnai.images.content import BuildInput
from xnai.images.model import CopiedPath, Image
from xnai.images.tree import refusals
from xnai.memory import sysctl
from xnai.models.found import ModelFile
from xnai.settings.declaration import HostValues
from xnai.settings.derive import derive as derived
from xnai.settings.model import Settings
from xnai.settings.schema import Schema, schema
from xnai.stack import own_secrets, own_tree
from xnai.stack import services as package
from xnai.stack.model import BuiltIn, Service, Tool
from xnai.stack.shared import SERVICES, lock

T = TypeVar("T")


def _found() -> tuple[BuiltIn, ...]:
    found = []
    for module in pkgutil.iter_modules(package.__path__):
        built_in = getattr(
            importlib.import_module(f"{package.__name__}.{module.name}"), "BUILT_IN", None
        )
        if not isinstance(built_in, BuiltIn):
            raise TypeError(
                f"xnai/stack/services/{module.name}.py: no BUILT_IN = BuiltIn(...) in it; every "
                "file there is a service (docs/contributing.md)"
            )
        found.append(built_in)
    return tuple(sorted(found, key=lambda one: one.place))


BUILT_IN = _found()
"""All services of the package, each after those that it depends on."""

PARTS = tuple(dict.fromkeys(one.part for one in BUILT_IN))
"""The compose parts; an empty one is docker-compose.yml, else docker-compose.<part>.yml."""

DOCKERFILES = {one.name: one.dockerfile for one in BUILT_IN if one.dockerfile}
"""The name of every image that a service runs, with its Dockerfile."""

SCHEMA: Schema = schema(BUILT_IN, sysctl.declarations())
"""All settings that exist."""


def derive(
    checked: Mapping[str, object], ram_kib: int, time_zone: str,
    models: Mapping[str, ModelFile] | None = None,
) -> Settings:
    """Return the typed settings of a host.

    Args:
        checked: every setting with its checked value.
        ram_kib: MemTotal of /proc/meminfo in KiB, above 0.
        time_zone: the host's, by its name in the tz database.
        models: service -> what was found of the model's file that it maps; None: nothing.
    """
    host = HostValues(ram_kib // 1024, time_zone, models or {})
    return derived(SCHEMA, checked, host, sysctl.keys())


def services(settings: Settings) -> tuple[Service, ...]:
    """Return the services, each after those that it depends on."""
    found = _made(settings, lambda one: one.service)
    names = [service.name for service in found]
    for service in found:
        if later := set(service.depends_on) & set(names[names.index(service.name) :]):
            raise ValueError(
                f"{service.name} depends on {', '.join(sorted(later))}: its place must be greater "
                "(xnai/stack/services)"
            )
    often = settings.stack_health_interval_s
    return tuple(
        _from_own_tree(dataclasses.replace(service, health_interval_s=often), settings)
        for service in found
    )


def tools(settings: Settings) -> tuple[Tool, ...]:
    """Return the programs behind profiles of docker-compose.yml."""
    return tuple(_made(settings, lambda one: one.tool))


def secret_forms(settings: Settings) -> tuple[dict[str, str], ...]:
    """Return the secrets: for each value its Podman secrets, name -> format.

    A format is printf's, with one %s for the value. All are random but own_secrets.given.
    """
    on = {service.name for service in services(settings)}
    on |= {tool.name for tool in tools(settings)}
    built_in = (forms for one in BUILT_IN if one.name in on for forms in one.secrets(settings))
    return (*built_in, *own_secrets.forms(settings))


def base() -> Image:
    """Return the base: users, certificates and what all reference services share."""
    return Image(
        name="base",
        title="base of all services",
        dockerfile="Dockerfile.base",
        copies=(CopiedPath(SERVICES / "common", "service_common", "common/service_common"),),
        requirements=lock("base"),
    )


def images(settings: Settings) -> tuple[Image, ...]:
    """Return every service's image, with the user's own trees where the settings name any.

    All are rendered and checked; those with `built` are built.
    """
    return tuple(
        _image_from_own_tree(image, settings) for image in _made(settings, lambda one: one.image)
    )


def build_inputs(settings: Settings) -> list[BuildInput]:
    """Return the input of every image that is built, bases before what is built from them.

    Raises:
        TreeRefused: a tree cannot be built; with everything that is wrong with it.
    """
    return content.build_inputs(settings, base(), images(settings))


def dockerfiles(settings: Settings) -> dict[str, str]:
    """Return every image's rendered Dockerfile by its name, built or not."""
    return content.dockerfiles(settings, base(), images(settings))


def published_ports(settings: Settings) -> dict[int, str]:
    """Return the host ports that the stack wants, with the service that wants each."""
    return {s.published_port: s.name for s in services(settings) if s.published_port is not None}


def limits_and_swap_mib(settings: Settings) -> dict[str, tuple[int, int]]:
    """Return each service's memory limit and its allowance of swap beside it, in MiB."""
    return {s.name: (s.memory.limit_mib, s.memory.swap_mib) for s in services(settings)}


def container_names(settings: Settings) -> list[str]:
    """Return the names of the stack's containers, in dependency order."""
    return [service.container_name for service in services(settings)]


def _made(
    settings: Settings, of: Callable[[BuiltIn], Callable[[Settings], T | None] | None]
) -> list[T]:
    """What the built-in services make of the settings, without those that make nothing."""
    makers = filter(None, map(of, BUILT_IN))
    return [one for one in (make(settings) for make in makers) if one is not None]


def _from_own_tree(service: Service, settings: Settings) -> Service:
    source = settings.service_sources.get(service.name)
    return own_tree.service_of(service, source, settings) if source else service


def _image_from_own_tree(image: Image, settings: Settings) -> Image:
    source = settings.service_sources.get(image.name)
    return own_tree.image_of(image, source) if source else image


def tree_problems(settings: Settings, where: str) -> list[str]:
    """Return why images cannot be built of the users' trees, a sentence each.

    Args:
        settings: checked.
        where: the place at which `service_sources` is set.
    """
    return [*refusals(settings, where), *source_misfits(settings, where)]


def source_misfits(settings: Settings, where: str) -> list[str]:
    """Return a sentence for each thing in service_sources that does not fit the stack.

    Args:
        settings: the host's.
        where: file and line of service_sources.
    """
    secrets = [name for forms in secret_forms(settings) for name in forms]
    if twice := sorted({name for name in secrets if secrets.count(name) > 1}):
        prefix = f"{settings.stack_name}_"
        return [f"own_secrets[{one.removeprefix(prefix)!r}]: the stack has a secret of that name; "
                "take another one" for one in twice]
    try:
        own_secrets.values(settings)
    except own_secrets.SecretRefused as refused:
        return [str(refused)]
    return own_tree.misfits(settings, services(settings), secrets, where)
