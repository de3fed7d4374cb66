"""What the catalogue consists of: images, services and tools, secrets as files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Copy:
    """Files that go into an image.

    Attributes:
        root: directory on the controller.
        source: path below it, a file or a directory.
        destination: path below the build context; a directory's files keep their paths under it.
    """

    root: Path
    source: str
    destination: str


@dataclass(frozen=True)
class Image:
    """An image that the deploy builds.

    Attributes:
        name: its short name; the image is localhost/<stack>_<name>:<content hash>.
        title: what it is, in a few words.
        dockerfile: the rendered file's name; its template is images/<dockerfile>.j2.
        copies: what its own files are.
        requirements: a lock with hashes on the controller, installed into its environment.
        packages_apart: whether the environment is an image of its own, below this one.
        apt_packages: Debian packages that it needs when it runs.
        command: argv that it runs.
        port: that it listens on, or None.
        volume: path of its data, or None when nothing persists.
        built: whether the deploy builds it; it is rendered and checked in any case.
    """

    name: str
    title: str
    dockerfile: str
    copies: tuple[Copy, ...]
    requirements: Copy
    packages_apart: bool = True
    apt_packages: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    port: int | None = None
    volume: str | None = None
    built: bool = True


@dataclass(frozen=True)
class SecretFile:
    """A Podman secret as a file in a container: /run/secrets/<target>."""

    secret: str
    target: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Memory:
    """What a service may have of the machine's memory; in MiB.

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
        part: of the stack: empty for docker-compose.yml, else its file is
            docker-compose.<part>.yml, a compose project of its own.
        networks: that it is in, by name.
        capabilities: that it keeps; all others are dropped.
        publish_setting: the setting that publishes its port, where one does.
        url_path: what to append to its URL for a person, or None where it has no page.
        migrates: services whose data another version of it changes when it starts.
        stop_timeout_s: from its stop signal to SIGKILL, in seconds.
        stop_signal: that ends it in an orderly way; empty: the image's own, or SIGTERM.
        health_timeout_s: how long one run of its health check may take, in seconds.
        ready_path: what its published port answers with 200 once it serves, or empty where the
            health check alone proves that.
    """

    name: str
    container_name: str
    memory: Memory
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

    @property
    def ready_url(self) -> str:
        """What answers with 200 once it serves, for whoever waits on its host; or empty."""
        if not self.ready_path or self.published_port is None:
            return ""
        return f"http://127.0.0.1:{self.published_port}{self.ready_path}"

    @property
    def is_stateful(self) -> bool:
        """Whether its image is another project's, which alone knows what its data mean."""
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
