"""What a container was made with, by `podman container inspect`, in words to be compared."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

_MIB = 1 << 20


@dataclass(frozen=True)
class Configuration:
    """The part of a container's configuration that the compose file states.

    Attributes:
        environment: the variables that were given to it, beside its image's own.
        mounts: `volume name:path`, `bind source:path:ro`, `tmpfs path`.
        ports: `address:port -> port`.
        networks: by name.
        capabilities: those that its processes can ever have, without CAP_.
        user: as it was given, `uid:gid`.
        read_only: whether its root file system is.
        restart: restart policy.
        health_command: argv, with the leading CMD.
        limit_mib: memory limit, MiB; 0 is none.
        reservation_mib: memory reservation, MiB.
        swap_mib: swap beside that memory, MiB.
        oom_score_adj: of its first process.
        privileged: whether it keeps all rights, or may gain new ones.
        init: whether a small init reaps its processes.
        stop_timeout_s: from its stop signal to SIGKILL, in seconds.
        stop_signal: the name of the signal that asks it to end, with SIG.
        working_directory: that it starts in.
        cpus: processors' time that it may take; 0 is no limit.
    """

    environment: tuple[tuple[str, str], ...]
    mounts: tuple[str, ...]
    ports: tuple[str, ...]
    networks: tuple[str, ...]
    capabilities: tuple[str, ...]
    user: str
    read_only: bool
    restart: str
    health_command: tuple[str, ...]
    limit_mib: int
    reservation_mib: int
    swap_mib: int
    oom_score_adj: int
    privileged: bool
    init: bool
    stop_timeout_s: int
    stop_signal: str
    working_directory: str
    cpus: float


def parse_configuration(entry: Mapping[str, Any]) -> Configuration:
    """Return the configuration in one element of what `podman container inspect` prints."""
    config, host = entry["Config"], entry["HostConfig"]
    limit = int(host.get("Memory") or 0)
    swap = int(host.get("MemorySwap") or 0)
    return Configuration(
        environment=_environment(config),
        mounts=_mounts(entry, host),
        ports=tuple(sorted(
            f"{bound.get('HostIp') or '*'}:{bound['HostPort']} -> {port.partition('/')[0]}"
            for port, bindings in (host.get("PortBindings") or {}).items()
            for bound in bindings or ()
        )),
        networks=tuple(sorted((entry.get("NetworkSettings") or {}).get("Networks") or {})),
        capabilities=tuple(sorted(
            name.removeprefix("CAP_") for name in entry.get("BoundingCaps") or ()
        )),
        user=config.get("User") or "",
        read_only=bool(host.get("ReadonlyRootfs")),
        restart=(host.get("RestartPolicy") or {}).get("Name") or "no",
        health_command=tuple((config.get("Healthcheck") or {}).get("Test") or ()),
        limit_mib=limit // _MIB,
        reservation_mib=int(host.get("MemoryReservation") or 0) // _MIB,
        swap_mib=max(0, swap - limit) // _MIB,
        oom_score_adj=int(host.get("OomScoreAdj") or 0),
        privileged=bool(host.get("Privileged"))
        or "no-new-privileges" not in (host.get("SecurityOpt") or ()),
        init=bool(host.get("Init")),
        stop_timeout_s=int(config.get("StopTimeout") or 0),
        stop_signal=_signal(config.get("StopSignal")),
        working_directory=config.get("WorkingDir") or "",
        cpus=_cpus(host),
    )


def _cpus(host: Mapping[str, Any]) -> float:
    """The processors' time: Podman keeps it as a quota of a period, and prints it in two forms."""
    if nano := int(host.get("NanoCpus") or 0):
        return nano / 1e9
    quota, period = int(host.get("CpuQuota") or 0), int(host.get("CpuPeriod") or 0)
    return quota / period if quota > 0 and period > 0 else 0.0


def _signal(value: object) -> str:
    """The signal's name: Podman 5 prints that, 4 its number; a number where it has no name."""
    text = str(value or "SIGTERM")
    with suppress(ValueError):  # no number, or one as SIGRTMIN+3's
        return signal.Signals(int(text)).name
    return text


def _environment(config: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The variables named when it was made, with the values that they have.

    An image's variables stand in the same list; those that were given are in the argv.
    """
    words = config.get("CreateCommand") or []
    given = {
        value.partition("=")[0]
        for option, value in itertools.pairwise(words)
        if option in {"-e", "--env"}
    }
    given |= {
        word.removeprefix("--env=").partition("=")[0] for word in words if word.startswith("--env=")
    }
    values = dict(item.partition("=")[::2] for item in config.get("Env") or ())
    return tuple(sorted((name, values.get(name, "")) for name in given))


def _mounts(entry: Mapping[str, Any], host: Mapping[str, Any]) -> tuple[str, ...]:
    found = [f"tmpfs {path}" for path in host.get("Tmpfs") or ()]
    for mount in entry.get("Mounts") or ():
        source = mount["Name"] if mount["Type"] == "volume" else mount.get("Source", "")
        mode = "" if mount.get("RW") else ":ro"
        found.append(f"{mount['Type']} {source}:{mount['Destination']}{mode}")
    return tuple(sorted(found))
