"""The catalogue: the services of the stack, derived from the settings, in dependency order.

Everything that names a service reads it from here: images, compose files, preflight's sums,
the status table, the host tests. A further service is one more entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xnai.render import ROOT
from xnai.settings.model import Settings


@dataclass(frozen=True)
class Image:
    """An image that the deploy builds.

    Attributes:
        name: its short name; the image is localhost/<stack>_<name>:<content hash>.
        dockerfile: the rendered file's name; its template is images/<dockerfile>.j2.
        context: directory on the controller whose files are sent, or None.
        base: the Image that it is built from, or None for the registry's base image.
    """

    name: str
    dockerfile: str
    context: Path | None = None
    base: str | None = None


@dataclass(frozen=True)
class SecretFile:
    """A Podman secret as a file in a container: /run/secrets/<target>."""

    secret: str
    target: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Service:
    """One service of the compose file.

    Attributes:
        name: service name in the compose file.
        container_name: container_name there, <stack>_<name>.
        image: a registry image, fully qualified, or empty if `build` is set.
        build: name of the Image that it runs, or empty.
        memory_limit_mib: memory.max of its cgroup, MiB.
        user: uid:gid inside the container.
        health_command: argv of the health check; it exists in the image.
        command: argv that replaces the image's own, or empty.
        environment: non-secret values.
        port: its port inside the container.
        published_port: on 127.0.0.1 of the host, or None.
        volumes: named volume -> path.
        tmpfs: paths that must be writable under a read-only root.
        secrets: its secrets as files.
        depends_on: services that must be healthy first.
        url_path: what to append to its URL for a person, or None where it has no page.
    """

    name: str
    container_name: str
    memory_limit_mib: int
    user: str
    health_command: tuple[str, ...]
    port: int
    image: str = ""
    build: str = ""
    command: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    published_port: int | None = None
    volumes: tuple[tuple[str, str], ...] = ()
    tmpfs: tuple[str, ...] = ()
    secrets: tuple[SecretFile, ...] = ()
    depends_on: tuple[str, ...] = ()
    url_path: str | None = None


# UID and GID of the user `redis` in the official image (Debian variant) since 3.2: it creates
# them before anything else "so their IDs get assigned consistently".
REDIS_UID = 999
REDIS_GID = 999


def images(settings: Settings) -> tuple[Image, ...]:
    """Return the images to build, the base first."""
    del settings  # a host's data will choose contexts
    return (
        Image("base", "Dockerfile.base"),
        Image("rag_api", "Dockerfile", ROOT / "files/services/rag_api", base="base"),
    )


def services(settings: Settings) -> tuple[Service, ...]:
    """Return the services, each after those that it depends on."""
    stack = settings.stack_name
    own_user = f"{settings.container_uid}:{settings.container_gid}"
    redis = Service(
        name="redis",
        container_name=f"{stack}_redis",
        image=settings.redis_image,
        memory_limit_mib=settings.redis_memory_limit_mib,
        user=f"{REDIS_UID}:{REDIS_GID}",
        command=(
            "redis-server",
            "/run/secrets/redis_auth.conf",
            "--dir", "/data",
            "--save", "60", "1",
            # A background save copies the pages that are written meanwhile: half the limit
            # leaves room for the worst case.
            "--maxmemory", f"{settings.redis_memory_limit_mib // 2}mb",
            "--maxmemory-policy", "noeviction",
        ),
        # The password goes through the environment of redis-cli alone, never into its argv.
        health_command=(
            "sh", "-c",
            # Backquotes: a dollar sign would be Compose's own.
            "REDISCLI_AUTH=`cat /run/secrets/redis_password` redis-cli ping | grep -qx PONG",
        ),
        port=6379,
        published_port=settings.redis_port if settings.redis_publish_loopback else None,
        volumes=((f"{stack}_redis_data", "/data"),),
        secrets=(
            SecretFile(f"{stack}_redis_auth_conf", "redis_auth.conf", REDIS_UID, REDIS_GID),
            SecretFile(f"{stack}_redis_password", "redis_password", REDIS_UID, REDIS_GID),
        ),
    )
    rag_api = Service(
        name="rag_api",
        container_name=f"{stack}_rag_api",
        build="rag_api",
        memory_limit_mib=settings.rag_api_memory_limit_mib,
        user=own_user,
        environment=(("REDIS_HOST", "redis"), ("REDIS_PORT", "6379")),
        health_command=("python", "-m", "rag_api.healthcheck"),
        port=8000,
        published_port=settings.rag_api_port,
        tmpfs=("/tmp",),  # noqa: S108  (a path inside the container)
        secrets=(
            SecretFile(
                f"{stack}_redis_password", "redis_password",
                settings.container_uid, settings.container_gid,
            ),
        ),
        depends_on=("redis",),
        url_path="/health",
    )
    return (redis, rag_api)


def published_ports(settings: Settings) -> dict[int, str]:
    """Return the host ports that the stack wants, with the service that wants each."""
    return {s.published_port: s.name for s in services(settings) if s.published_port is not None}


def memory_limits_mib(settings: Settings) -> dict[str, int]:
    """Return each service's memory limit in MiB."""
    return {service.name: service.memory_limit_mib for service in services(settings)}


def container_names(settings: Settings) -> list[str]:
    """Return the names of the stack's containers, in dependency order."""
    return [service.container_name for service in services(settings)]


def secret_forms(settings: Settings) -> tuple[dict[str, str], ...]:
    """Return the secrets to generate: for each random value its Podman secrets, name -> format.

    A format is printf's, with one %s for the value.
    """
    stack = settings.stack_name
    return ({f"{stack}_redis_password": "%s", f"{stack}_redis_auth_conf": "requirepass %s\\n"},)
