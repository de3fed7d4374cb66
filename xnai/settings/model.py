"""The settings as the rest of the package sees them: declared, typed, checked and derived."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

from xnai.models.found import ModelFile
from xnai.settings import checks
from xnai.settings.data import DataSettings
from xnai.settings.declaration import MOST_MIB, HostValues, OfServices, ServiceMemory, setting
from xnai.settings.images import ImageSettings
from xnai.settings.reports import ReportSettings
from xnai.settings.sampling import SamplerSettings

T = TypeVar("T")

# Past four times RAM even a device full of pages at zstd's best usual ratio (about 4) fills RAM.
_ZRAM_HIGHEST_PCT = 400


def host_reserve_mib(host: HostValues) -> int:
    """Return what a host keeps for itself, in MiB: the larger of 2048 MiB and 20 % of RAM."""
    return max(2048, host.ram_mib * 20 // 100)


@dataclass(frozen=True, kw_only=True)
class Settings(ReportSettings, DataSettings, ImageSettings, SamplerSettings):
    """One host's effective settings. Units are in the names.

    The fields made by `setting` carry the settings of the same name; those of one service are in
    a dataclass of its own, beside what that service is. The rest is derived:

    Attributes:
        stack_user_explicit: whether somebody named the stack's user.
        ram_mib: MemTotal of the host in MiB.
        zram_size_expression: what zram-generator computes zram0's size from.
        sysctls: the keys and values of our sysctl.d file.
        oom_exempt: whether the stack's user is left out of systemd-oomd's choice of victims.
        memory: service -> what it may have of the machine's memory.
        of_services: dataclass of one service's settings -> those of this host.
        from_tables: settings that a table declares, the sysctls', by name.
        models: service -> what was found of the model's file that it maps.
    """

    strict: bool = setting(
        False,
        checks.boolean,
        "True: a deferred change (one that waits for a reboot or a login) makes the run fail.",
        section="the run",
    )
    stack_name: str = setting(
        "xnai",
        checks.stack_name,
        "Prefix of containers (xnai_redis), images (localhost/xnai_rag_api:...), secrets, "
        "volumes, networks and compose projects.",
        section="the stack's identity",
    )
    stack_user: str = setting(
        None,
        checks.optional(checks.user_name),
        "The user whose rootless Podman runs the stack. None: \"xnai\", made new with a locked "
        "password. Name an existing login user to run the stack in that user's own "
        "`podman ps`.",
    )
    host_reserve_mib: int = setting(
        None,
        checks.optional(checks.integer(256, 1 << 22)),
        "RAM that the stack must leave to the desktop and the system, in MiB. None: the larger "
        "of 2048 MiB and 20 % of RAM.",
        derived=host_reserve_mib,
        section="memory",
    )
    zram_size_pct_of_ram: int | None = setting(
        None,
        checks.optional(checks.integer(1, _ZRAM_HIGHEST_PCT, "zram pages still cost RAM")),
        "Size of the compressed swap device in percent of RAM. None: by the profile RAM <= 8 "
        "GiB: 200, <= 16 GiB: 150, <= 32 GiB: 100, above: 50. At the usual ratio of 2 to 3 the "
        "pages of a full device cost size / ratio of RAM, so a larger machine needs relatively "
        "less. Source: docs.kernel.org/admin-guide/blockdev/zram.html (\"there is little point "
        "creating a zram of greater than twice the size of memory\").",
    )
    zram_size_mib: int = setting(
        None,
        checks.optional(checks.integer(64, MOST_MIB)),
        "The same as a fixed size in MiB, in place of zram_size_pct_of_ram. None: by that.",
        instead_of="zram_size_pct_of_ram",
    )
    zram_compression_algorithm: str = setting(
        "zstd",
        checks.choice("zstd", "lz4", "lz4hc", "lzo-rle", "lzo", "842"),
        "zstd packs best of the kernel's algorithms at a speed that swap on a laptop does not "
        "notice. Where the kernel lacks it, preflight names the best that it has.",
    )
    zram_assumed_ratio: float = setting(
        2.0,
        checks.number(1.0, 6.0),
        "Expected compression ratio of this machine's pages; only the capacity formula uses it. "
        "2.0 is cautious until it was measured: zstd reaches 2.6 on typical process memory.",
    )
    zram_swap_priority: int = setting(
        100,
        checks.integer(0, 32767, "swapon(2)"),
        "Priority of the zram swap; disk swap (negative by default) stays on below it. "
        "swapon(2).",
    )
    zswap: str = setting(
        "off",
        checks.choice("off", "leave"),
        "zswap compresses in front of swap; in front of zram it compresses twice. \"off\" or "
        "\"leave\". It is switched off at run time and by tmpfiles.d, never in the boot loader.",
    )
    memory_rivals: str = setting(
        "stop",
        checks.choice("stop", "set_aside"),
        "What to do where another file sets one of our sysctl keys and wins: \"stop\" names it, "
        "\"set_aside\" renames the file to *.xnai-set-aside (only when all its keys are ours); to "
        "have it back, rename it.",
    )
    oom_guard_exempt_stack: bool = setting(
        True,
        checks.boolean,
        "True: systemd-oomd chooses no victim by pressure among what the stack's dedicated user "
        "runs. The guard itself is never switched off, and a login user named in stack_user "
        "keeps it.",
    )
    registry_mirrors: dict[str, tuple[str, bool]] = setting(
        {},
        checks.mirrors,
        "Registry name -> {\"location\": \"host:port[/path]\", \"insecure\": False}: asked before "
        "the registry itself. Written to the stack user's own registries.conf.",
        section="where software comes from",
    )
    extra_ca_certificates: tuple[str, ...] = setting(
        [],
        checks.certificate_paths,
        "PEM files on the controller (absolute paths) that the host and every image build must "
        "trust, for a machine behind an inspecting proxy.",
    )
    proxy_url: str | None = setting(
        None,
        checks.optional(checks.proxy_url),
        "The HTTP proxy through which images are pulled and built, http://HOST:PORT without user "
        "and password (those stand in netrc_file). Containers that run are told nothing of it; "
        "apt on the host has its own configuration.",
    )
    proxy_exceptions: tuple[str, ...] = setting(
        [],
        checks.names(checks.proxy_exception),
        "Hosts that are reached without that proxy: names, .domains, addresses. The machine itself "
        "always is.",
    )
    netrc_file: str | None = setting(
        None,
        checks.optional(checks.host_path),
        "A file on the host, root's alone (mode 0600), with users and passwords for the proxy, the "
        "package index and the Debian mirror: lines of machine HOST login USER password PASSWORD. "
        "Pulls and builds see it while they last; no image keeps it.",
    )
    registry_auth_file: str | None = setting(
        None,
        checks.optional(checks.host_path),
        "A file on the host, root's alone (mode 0600), with users and passwords for registries and "
        "their mirrors, as `podman login --authfile FILE` writes it: containers-auth.json(5).",
    )
    debian_mirror_url: str | None = setting(
        None,
        checks.optional(checks.index_url),
        "The address in image builds in place of http://deb.debian.org, with debian and "
        "debian-security below it.",
    )
    package_index_url: str | None = setting(
        "https://pypi.org/simple",
        checks.optional(checks.index_url),
        "The Python package index for podman-compose and for image builds. None: no index, all "
        "packages come from wheelhouse_dir.",
    )
    wheelhouse_dir: str | None = setting(
        None,
        checks.optional(checks.host_path),
        "A directory of wheels on the host that every build looks into as well, for a machine "
        "without a network; docs/images.md says how to fill it. Every package is still held to "
        "its lock's hashes.",
        on_host="directory",
    )
    stack_healthy_timeout_s: int = setting(
        180,
        checks.integer(10, 3600),
        "How long the deploy waits until a service is healthy: the timeout of each service.",
        section="services",
    )
    stack_health_interval_s: int = setting(
        30, checks.integer(5, 3600),
        "Seconds between two health checks of a container, of which each starts a podman process.",
    )
    browser_hosts: tuple[str, ...] = setting(
        ["127.0.0.1", "localhost"],
        checks.names(checks.host_name, at_least=1),
        "The names by which a browser reaches this machine; pages answer to no other Host or "
        "Origin, so that a web site cannot talk to them through its visitor's browser.",
    )
    protected_services: tuple[str, ...] = setting(
        OfServices(lambda known: [s.name for s in known if s.memory and s.memory.protected]),
        OfServices(
            lambda known: checks.names(checks.choice(*(s.name for s in known if s.memory)))
        ),
        "The services that keep data in memory. When the whole machine is out of memory the "
        "kernel takes the others first: the others' oom_score_adj is raised by "
        "unprotected_oom_score_adj.",
    )
    unprotected_oom_score_adj: int = setting(
        300,
        # proc_pid_oom_score_adj(5); an unprivileged user can only raise it.
        checks.integer(1, 1000),
    )

    stack_user_explicit: bool
    ram_mib: int
    zram_size_expression: str
    sysctls: dict[str, str]
    oom_exempt: bool
    memory: Mapping[str, ServiceMemory]
    of_services: Mapping[type, Any]
    from_tables: Mapping[str, int]
    models: Mapping[str, ModelFile]

    def of(self, kind: type[T]) -> T:
        """Return one service's own settings by their dataclass."""
        found: T = self.of_services[kind]
        return found

    def by_name(self) -> dict[str, Any]:
        """Return every setting by its name, sorted, and after them every derived value.

        Trees of the user's are plain dictionaries.
        """
        found = {
            field.name: getattr(self, field.name) for field in fields(self)
            if field.name not in ("memory", "of_services", "from_tables", "models")
        }
        found |= self.from_tables
        for own in self.of_services.values():
            found |= {field.name: getattr(own, field.name) for field in fields(own)}
        for name, memory in self.memory.items():
            found |= {
                f"{name}_memory_limit_mib": memory.limit_mib,
                f"{name}_memory_reservation_mib": memory.reservation_mib,
                f"{name}_swap_mib": memory.swap_mib,
            }
        found["service_sources"] = {
            name: asdict(source) | {"context": str(source.context)}
            for name, source in self.service_sources.items()
        }
        derived = [field.name for field in fields(self) if "declares" not in field.metadata]
        return dict(sorted(found.items(), key=lambda item: (item[0] in derived, item[0])))
