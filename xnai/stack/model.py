"""What the stack consists of: services and tools, and all that is known of one of ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from xnai.images.model import Image
from xnai.settings.declaration import MemoryDefaults
from xnai.settings.model import Settings


@dataclass(frozen=True)
class SecretFile:
    """A Podman secret as a file in a container: /run/secrets/<target>."""

    secret: str
    target: str
    uid: int
    gid: int


@dataclass(frozen=True)
class MemoryShare:
    """Memory and OOM values as they are rendered for a container, in MiB.

    Attributes:
        limit_mib: memory.max of its cgroup.
        reservation_mib: memory.low, at most the limit.
        swap_mib: memory.swap.max.
        oom_score_adj: above 0 the kernel takes it before others when the machine is out of memory.
    """

    limit_mib: int
    reservation_mib: int
    swap_mib: int
    oom_score_adj: int

    @property
    def most_mib(self) -> int:
        """All that it can hold before the kernel kills it."""
        return self.limit_mib + self.swap_mib


@dataclass(frozen=True)
class Service:
    """One service of a compose file.

    Attributes:
        name: service name in the compose file.
        container_name: container_name there, <stack>_<name>.
        image: a registry image, fully qualified, or empty if `build` is set.
        build: name of the Image that it runs, or empty.
        memory: what it may have.
        user: uid:gid inside the container.
        health_command: argv of the health check; it exists in the image.
        command: argv that replaces the image's own, or empty.
        environment: non-secret values.
        port: its port inside the container, or None.
        published_port: on 127.0.0.1 of the host, or None.
        volumes: named volume -> path.
        binds: absolute path on the host -> path, read-only.
        tmpfs: paths that must be writable under a read-only root.
        secrets: its secrets as files.
        depends_on: services that must be healthy first.
        part: compose part: empty for docker-compose.yml, else docker-compose.<part>.yml, a
            project of its own with a template of its own.
        networks: names of its networks.
        capabilities: that it keeps; all others are dropped.
        publish_setting: the setting that publishes its port, where one does.
        url_path: what to append to its URL for a person, or None where it has no page.
        migrates: services whose data another version of it changes when it starts.
        stop_timeout_s: from its stop signal to SIGKILL, in seconds.
        stop_signal: signal for a clean stop; empty: the image's own, or SIGTERM.
        health_timeout_s: how long one run of its health check may take, in seconds.
        ready_path: what its published port answers with 200 once it serves, or empty where the
            health check alone proves that.
        store: what writes its data, and so how they are saved: "redis" writes them out before,
            "postgresql" is dumped; of others the volumes are exported as they are.
        secret_environment: variable -> Podman secret whose value it gets.
        working_directory: that it starts in, or empty for the image's.
        aliases: further names in the stack's own network.
        restart: restart policy.
        cpus: processors' time that it may take, or None for all.
        health_interval_s: between two health checks, in seconds; the catalogue fills it in from
            stack_health_interval_s.
        health_retries: failures in a row until it counts as unhealthy.
        health_start_period_s: after its start, in which failures do not count, in seconds.
        tag_is_version: whether its image's tag says which version its data are of.
    """

    name: str
    container_name: str
    memory: MemoryShare
    networks: tuple[str, ...]
    user: str
    health_command: tuple[str, ...]
    port: int | None = None
    image: str = ""
    build: str = ""
    command: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    published_port: int | None = None
    volumes: tuple[tuple[str, str], ...] = ()
    binds: tuple[tuple[str, str], ...] = ()
    tmpfs: tuple[str, ...] = ()
    secrets: tuple[SecretFile, ...] = ()
    depends_on: tuple[str, ...] = ()
    part: str = ""
    capabilities: tuple[str, ...] = ()
    publish_setting: str = ""
    url_path: str | None = None
    migrates: tuple[str, ...] = ()
    stop_timeout_s: int = 30
    stop_signal: str = ""
    health_timeout_s: int = 5
    ready_path: str = ""
    store: Literal["", "redis", "postgresql"] = ""
    tag_is_version: bool = False
    secret_environment: tuple[tuple[str, str], ...] = ()
    working_directory: str = ""
    aliases: tuple[str, ...] = ()
    restart: str = "unless-stopped"
    cpus: float | None = None
    health_interval_s: int = 0
    health_retries: int = 3
    health_start_period_s: int = 30

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The Podman secrets that it gets, as files and as variables."""
        of_environment = (secret for _, secret in self.secret_environment)
        return (*(secret.secret for secret in self.secrets), *of_environment)

    @property
    def ready_url(self) -> str:
        """What answers with 200 once it serves, for whoever waits on its host; or empty."""
        if not self.ready_path or self.published_port is None:
            return ""
        return f"http://127.0.0.1:{self.published_port}{self.ready_path}"

    @property
    def is_stateful(self) -> bool:
        """Whether it is a third-party image with volumes: only that image knows its data."""
        return bool(self.image and self.volumes)


@dataclass(frozen=True)
class Tool:
    """A program of the stack that somebody runs by hand, offline, until it is done.

    Attributes:
        name: service name in docker-compose.yml.
        profile: of the compose file, without which it is not there.
        build: name of the Image that it runs.
        memory_limit_mib: memory.max of its cgroup, in MiB.
        user: uid:gid inside the container.
        volumes: named volume -> path.
        tmpfs: paths that must be writable under a read-only root.
        environment: non-secret values.
    """

    name: str
    profile: str
    build: str
    memory_limit_mib: int
    user: str
    volumes: tuple[tuple[str, str], ...]
    tmpfs: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()


def _no_secrets(settings: Settings) -> tuple[dict[str, str], ...]:
    return ()


@dataclass(frozen=True)
class BuiltIn:
    """All that the package knows of one service of its own; each has a file in services/.

    Attributes:
        name: of the service, in the compose file and in the names of its settings.
        place: sort key, in steps of 10; greater than that of all that it depends on.
        settings: the dataclass that declares its own settings, or None.
        memory: what it may have where nobody says otherwise; None for what is run by hand.
        service: makes the long-running service of some settings, or None where they switch it
            off.
        tool: a program that is run by hand, or None.
        image: the image that the deploy builds for it, or None for a registry's.
        dockerfile: the rendered file of that image; its template is images/<dockerfile>.j2.
        secrets: to generate: for each random value its Podman secrets, name -> format. A format
            is printf's, with one %s for the value.
        part: of the stack; see Service.
    """

    name: str
    place: int
    settings: type | None = None
    memory: MemoryDefaults | None = None
    service: Callable[[Settings], Service | None] | None = None
    tool: Callable[[Settings], Tool | None] | None = None
    image: Callable[[Settings], Image] | None = None
    dockerfile: str = ""
    secrets: Callable[[Settings], tuple[dict[str, str], ...]] = _no_secrets
    part: str = ""

    @property
    def has_own_tree(self) -> bool:
        """Whether it can be made of the user's own tree."""
        return self.image is not None
