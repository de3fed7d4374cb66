"""What the settings ask of a machine, in plain values for the probe and the judgements."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from xnai.memory import sysctl
from xnai.memory.files import ZRAM_CONF, rendered
from xnai.settings.model import Settings
from xnai.stack import catalogue
from xnai.stack import paths as own_paths

# Where the stack user's Podman keeps images and volumes, below its home.
STORAGE = "~/.local/share/containers/storage"

SPACE_NEEDS_MIB = {
    # Two generations of the images (some 900 MiB each) and the volumes.
    STORAGE: 3072,
    # Podman unpacks and commits layers here (TMPDIR, containers-storage(5)), and keeps uv's
    # cache.
    "/var/tmp": 1536,  # noqa: S108
    # Podman with its parts, zram-generator and the compose environment.
    "/usr": 600,
    "/var/cache/apt": 200,
}
"""Path -> MiB that must be free before the first deploy."""


@dataclass(frozen=True)
class Wanted:
    """What to ask the probe for.

    Attributes:
        sysctl_keys: keys of our sysctl.d file.
        setting_names: key -> the setting that gives its value.
        ports: TCP port on 127.0.0.1 -> service.
        limits_and_swap_mib: service -> memory limit and swap, MiB.
        container_names: of the stack.
        space_needs_mib: path -> MiB.
        named: path on the host that a setting names -> that setting, and whether a directory.
        mapped: path of a file on the host -> the service that maps it into its memory.
        own_paths: path of ours -> file or directory.
        urls: registries and indexes.
        zram_conf: text of our zram-generator drop-in.
    """

    sysctl_keys: tuple[str, ...]
    setting_names: dict[str, str]
    ports: dict[int, str]
    limits_and_swap_mib: dict[str, tuple[int, int]]
    container_names: tuple[str, ...]
    space_needs_mib: dict[str, int]
    named: dict[str, tuple[str, bool]]
    mapped: dict[str, str]
    own_paths: dict[str, str]
    urls: tuple[str, ...]
    zram_conf: str


def registry_url(registry: str, mirrors: dict[str, tuple[str, bool]]) -> str:
    """Return the address that answers for a registry: its mirror's, if the settings name one."""
    location, insecure = mirrors.get(registry, (registry, False))
    host = PurePosixPath(location).parts[0]
    # docker.io is a name in image references; its registry answers elsewhere.
    host = "registry-1.docker.io" if host == "docker.io" else host
    return f"{'http' if insecure else 'https'}://{host}/v2/"


def wanted(settings: Settings) -> Wanted:
    """Return what `settings` ask of the host."""
    limits = catalogue.limits_and_swap_mib(settings)
    services, values = catalogue.services(settings), settings.by_name()
    pulled = {settings.base_image, *(service.image for service in services if service.image)}
    registries = {image.partition("/")[0] for image in pulled}
    urls = {registry_url(name, settings.registry_mirrors) for name in registries - {"localhost"}}
    return Wanted(
        sysctl_keys=tuple(settings.sysctls),
        setting_names={key: name for name, key in sysctl.keys().items()},
        ports=catalogue.published_ports(settings),
        limits_and_swap_mib=limits,
        container_names=tuple(s.container_name for s in services),
        space_needs_mib=_space_needs_mib(settings),
        named={
            values[one.name]: (one.name, one.on_host == "directory")
            for one in catalogue.SCHEMA.declarations.values()
            if one.on_host and values[one.name]
        } | {
            path: (f"service_sources[{name!r}]['volumes']", True)
            for name, source in settings.service_sources.items()
            for path, _ in source.container.mounts
        },
        mapped={
            values[one.name]: one.mapped_by
            for one in catalogue.SCHEMA.declarations.values()
            if one.mapped_by in limits and values[one.name]
        },
        own_paths=dict.fromkeys(own_paths.files(settings), "file")
        | dict.fromkeys(own_paths.directories(settings), "directory"),
        urls=(*sorted(urls), *filter(None, (settings.package_index_url,))),
        zram_conf=rendered(settings, settings.zram_compression_algorithm)[ZRAM_CONF],
    )


def _space_needs_mib(settings: Settings) -> dict[str, int]:
    further = [
        need for image in catalogue.images(settings) if image.built
        for need in image.space_needs_mib
    ]
    return {
        path: mib + sum(more for place, more in further if place == path)
        for path, mib in SPACE_NEEDS_MIB.items()
    }
