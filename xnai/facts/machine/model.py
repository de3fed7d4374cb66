"""What the preflight fact tells about a host, as plain frozen data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from xnai.facts.machine.generator import GeneratorAnswer

State = Literal["ok", "absent", "unreadable", "failed", "skipped", "unknown"]
"""How a reading ended. `unknown`: no record of it came back. `absent` is knowledge, `unknown` is
not.
"""


@dataclass(frozen=True)
class Reading:
    """One value of the host: `text` counts only when `state` is "ok" (and may be empty)."""

    state: State = "unknown"
    text: str = ""

    @property
    def known(self) -> bool:
        """True when the host answered: the value, or that there is none."""
        return self.state in ("ok", "absent")


@dataclass(frozen=True)
class ConfigFile:
    """A configuration file: where it was found, where its link leads (the same path if none), its
    text.
    """

    path: str
    target: str
    text: str = ""
    state: State = "ok"


@dataclass(frozen=True)
class ZramDevice:
    """A zram device of the running kernel.

    `size_bytes` 0: not set up; `mounted_on`: where it is a file system in use, else empty.
    """

    name: str
    size_bytes: int
    algorithms: Reading
    mounted_on: str = ""


@dataclass(frozen=True)
class Swap:
    """One line of /proc/swaps; sizes in KiB."""

    path: str
    kind: str
    size_kib: int
    used_kib: int
    priority: int


@dataclass(frozen=True)
class Unit:
    """Properties of one systemd unit as `systemctl show` prints them."""

    name: str
    properties: dict[str, str]


@dataclass(frozen=True)
class Listener:
    """A listening TCP socket; `process`, `pid` and `uid` are None where the host would not say."""

    address: str
    port: int
    process: str | None = None
    pid: int | None = None
    uid: int | None = None


@dataclass(frozen=True)
class Space:
    """Room at a path; `existing` is its nearest existing parent; no inodes: no limit to them.

    `kind` is the file system's type as mount(8) has it, empty where it was not told.
    """

    path: str
    existing: str
    filesystem: str
    mounted_on: str
    free_bytes: int
    free_inodes: int | None
    kind: str = ""


@dataclass(frozen=True)
class FoundStore:
    """A container store on disk: whose it is and the names in it (None: could not be read)."""

    user: str
    uid: int
    path: str
    containers: tuple[str, ...] | None = ()
    volumes: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lock:
    """A file lock of apt or dpkg and who holds it."""

    path: str
    pid: int
    process: str


@dataclass(frozen=True)
class Probe:
    """The outcome of reaching for a URL: `state` ok, failed (`detail` says why) or unknown."""

    url: str
    state: State
    method: str
    detail: str = ""


@dataclass(frozen=True)
class Named:
    """A path that a setting names: its state for the stack's user, and whether a directory.

    state: ok, absent, unreadable or unknown; size_bytes: of a file that is ok, else None.
    """

    path: str
    state: str
    is_directory: bool
    size_bytes: int | None = None


@dataclass(frozen=True)
class OwnPath:
    """A path of ours at which something of another kind stands.

    Attributes:
        path: absolute.
        wanted: file or directory.
        kind: link, or what stat(1) calls it.
        target: of a link, as it says; else empty.
    """

    path: str
    wanted: str
    kind: str
    target: str = ""


@dataclass(frozen=True)
class PreflightFacts:
    """All that preflight knows about a host; a default instance means that nothing was told."""

    complete: bool = False
    uid: int | None = None
    login: str = ""
    kernel: Reading = Reading()
    arch: Reading = Reading()
    os_release: Reading = Reading()
    pid1: Reading = Reading()
    container: Reading = Reading()  # systemd's word for the kind that it runs in
    cgroup_type: Reading = Reading()
    cgroup_controllers: Reading = Reading()
    zram: Reading = Reading()
    zram_algorithms: Reading = Reading()
    zswap: Reading = Reading()
    kernel_command_line: Reading = Reading()
    mem_total_kib: int | None = None
    swap_total_kib: int | None = None
    swaps: tuple[Swap, ...] | None = None
    zram_devices: tuple[ZramDevice, ...] = ()
    sysctl_files: tuple[ConfigFile, ...] | None = None
    sysctl_live: dict[str, Reading] | None = None
    zram_files: tuple[ConfigFile, ...] | None = None
    zram_asked: GeneratorAnswer = field(default_factory=GeneratorAnswer)
    elsewhere_files: tuple[ConfigFile, ...] | None = None  # of tmpfiles.d and udev
    before: Reading = Reading()  # whether there is a record of what the host was; its user
    deployed: tuple[str, ...] | None = None  # names of the stacks that are deployed here
    packages: dict[str, str] | None = None
    units: tuple[Unit, ...] | None = None
    listeners: tuple[Listener, ...] | None = None
    spaces: tuple[Space, ...] = ()
    named: tuple[Named, ...] = ()
    own_paths: tuple[OwnPath, ...] | None = None  # those of another kind
    podman_installed: Reading = Reading()
    podman_candidate: Reading = Reading()
    python3: Reading = Reading()
    apt_locks: tuple[Lock, ...] | None = None
    stack_user_uid: int | None = None
    stack_user_home: str | None = None
    stores: tuple[FoundStore, ...] | None = None
    probes: tuple[Probe, ...] = ()
    network: Reading = Reading()  # whether proxy and credentials could be read; why not
