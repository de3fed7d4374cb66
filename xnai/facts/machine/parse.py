"""From the records that the probe printed to `PreflightFacts`; pure, and at ease with missing or
torn lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace

from xnai.facts.machine.generator import parsed
from xnai.facts.machine.model import (
    FoundStore,
    Listener,
    Lock,
    Named,
    OwnPath,
    PreflightFacts,
    Probe,
    Reading,
    Space,
    Swap,
    Unit,
    ZramDevice,
)
from xnai.facts.machine.probe import PACKAGES
from xnai.facts.machine.records import ProbeRecord, Records, records
from xnai.facts.machine.sockets import listeners_of_proc, listeners_of_ss


def _int(text: str, base: int = 10) -> int | None:
    try:
        return int(text, base)
    except ValueError:
        return None


def _meminfo(text: str, name: str) -> int | None:
    match = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
    return int(match.group(1)) if match else None


def swaps(text: str) -> tuple[Swap, ...]:
    """Return the devices of /proc/swaps' text (proc(5); a blank in a path is written as \\040)."""
    found = []
    for line in text.splitlines()[1:]:
        words = line.rsplit(maxsplit=4)
        if len(words) == 5:
            size, used, priority = (_int(word) for word in words[2:])
            path = words[0].replace("\\040", " ")
            found.append(Swap(path, words[1], size or 0, used or 0, priority or 0))
    return tuple(found)


def units(text: str) -> tuple[Unit, ...]:
    """Return the units in the output of `systemctl show` for several units (a blank line between
    them).
    """
    found = []
    for block in re.split(r"\n\s*\n", text.strip()):
        pairs = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if "Id" in pairs:
            found.append(Unit(pairs.pop("Id"), pairs))
    return tuple(found)


def _listeners(all_: Records) -> tuple[Listener, ...] | None:
    record = all_.first("ss")
    if record:
        if record.state == "skipped":
            return ()
        return listeners_of_ss(all_.blob("ss").text) if record.state == "ok" else None
    return listeners_of_proc(all_.blob("tcp").text) if all_.first("tcp") else None


def _space(record: ProbeRecord) -> Space | None:
    words = record.field(3).split(maxsplit=5)
    if record.state != "ok" or len(words) != 6 or not words[1].isdigit():
        return None
    source, free, inodes, total, kind, target = words
    # btrfs and others have no fixed number of inodes: df prints 0 or -.
    free_inodes = _int(inodes) if total.isdigit() and int(total) else None
    same = source if source.startswith("/") else f"device {record.field(2)}"
    return Space(record.field(0), record.field(1), same, target, int(free), free_inodes, kind)


def _zram_device(r: ProbeRecord) -> ZramDevice:
    return ZramDevice(r.field(0), _int(r.field(1)) or 0, Reading("ok", r.field(2)), r.field(3))


def _names(text: str) -> tuple[str, ...] | None:
    try:
        rows = json.loads(text or "[]")
        return tuple(name for row in rows for name in row.get("names") or ())
    except (ValueError, AttributeError, TypeError):
        return None


def _stores(all_: Records) -> tuple[FoundStore, ...] | None:
    if not all_.of("stores"):
        return None
    found = []
    for record in all_.all:
        kind, _, asked = record.kind.partition(":")
        if kind != "store":
            continue
        # Whom it was asked of is known; what it says may be anything.
        user, uid, path = record.field(0), asked or record.field(1), record.field(2)
        if not uid.isdigit():
            continue
        containers: tuple[str, ...] | None = () if record.state == "ok" else None
        for file in all_.of(f"containers:{uid}"):
            names = _names("\0".join(file.fields[2:])) if file.state == "ok" else None
            containers = None if containers is None or names is None else containers + names
        inside = {
            kind: tuple(r.field(0) for r in all_.of(f"{kind}:{uid}") if r.field(1) == path)
            for kind in ("volume", "network")
        }
        networks = tuple(name.removesuffix(".json") for name in inside["network"])
        found.append(FoundStore(user, int(uid), path, containers, inside["volume"], networks))
    return tuple(found)


def _algorithms(all_: Records) -> Reading:
    """Return the names of zram's compressors, blank-separated: from a device, else from the
    kernel's config.
    """
    for record in all_.of("zdev"):
        if record.field(2).strip():
            return Reading(
                "ok", " ".join(record.field(2).replace("[", "").replace("]", "").split())
            )
    config = all_.blob("kconfig")
    if config.state != "ok":
        return Reading("unknown")
    # Linux 6.12 and later build compressors into zram (ZRAM_BACKEND_*), older ones take the crypto
    # API's.
    backends = re.findall(r"^CONFIG_ZRAM_BACKEND_(\w+)=y", config.text, re.MULTILINE)
    crypto = re.findall(r"^CONFIG_CRYPTO_(\w+)=[ym]", config.text, re.MULTILINE)
    names = [n.lower() for n in (backends or crypto) if n.lower() != "force"]
    if "lzo" in names:
        names.append("lzo-rle")
    return Reading("ok", " ".join(names))


def parse(output: Iterable[str]) -> PreflightFacts:
    """Return what the probe's `output` lines tell; with no lines at all every part is unknown."""
    all_ = Records(records(output))
    if not all_.all:
        return PreflightFacts()
    meminfo, swap_file = all_.file("meminfo").text, all_.file("swaps")
    packages, shown = all_.blob("packages"), all_.blob("units")
    user = all_.first("stackuser")
    facts = PreflightFacts(
        complete=bool(all_.of("end")),
        uid=_int(all_.reading("self").text),
        login=all_.reading("self", 1).text,
        kernel=all_.reading("uname"),
        arch=all_.reading("uname", 1),
        os_release=all_.file("os-release"),
        pid1=all_.reading("pid1"),
        container=all_.reading("container"),
        cgroup_type=all_.reading("cgroup"),
        cgroup_controllers=all_.reading("controllers"),
        zram=all_.reading("zram"),
        zram_algorithms=_algorithms(all_),
        zswap=all_.reading("zswap"),
        kernel_command_line=all_.reading("cmdline"),
        mem_total_kib=_meminfo(meminfo, "MemTotal"),
        swap_total_kib=_meminfo(meminfo, "SwapTotal"),
        swaps=swaps(swap_file.text) if swap_file.state == "ok" else None,
        zram_devices=tuple(map(_zram_device, all_.of("zdev"))),
        sysctl_files=all_.files("sysctl", "sysctldirs"),
        zram_files=all_.files("zramconf", "zramdirs"),
        network=all_.reading("network"),
        zram_asked=parsed(all_.blob("zramasked").text),
        elsewhere_files=all_.files("elsewhere", "elsewheredirs"),
        before=all_.reading("before"),
        deployed=_deployed(all_),
        listeners=_listeners(all_),
        podman_installed=all_.reading("podman"),
        python3=all_.reading("python3"),
        stores=_stores(all_),
    )
    return replace(
        facts,
        podman_candidate=_candidate(all_.blob("candidate")),
        sysctl_live=_live(all_),
        packages=_packages(packages),
        units=units(shown.text) if shown.state == "ok" else None,
        spaces=tuple(s for s in map(_space, all_.of("space")) if s),
        named=tuple(
            Named(r.field(0), r.state, r.field(1) == "directory", _int(r.field(2)))
            for r in all_.of("named")
        ),
        own_paths=_own_paths(all_),
        apt_locks=_locks(all_),
        stack_user_uid=_int(user.field(0)) if user else None,
        stack_user_home=user.field(1) if user and user.state == "ok" else None,
        probes=tuple(
            Probe(r.field(0), r.state, r.field(1), r.field(2).strip()) for r in all_.of("url")
        ),
    )


def _own_paths(all_: Records) -> tuple[OwnPath, ...] | None:
    found = tuple(OwnPath(*(r.field(i) for i in range(4))) for r in all_.of("own"))
    return found if all_.of("owns") else None


def _deployed(all_: Records) -> tuple[str, ...] | None:
    names = tuple(record.field(0) for record in all_.of("deployed"))
    return names if all_.of("deployedstacks") else None


def _candidate(policy: Reading) -> Reading:
    """The version that apt would install, by `apt-cache policy`."""
    if policy.state != "ok":
        return policy
    match = re.search(r"^\s*Candidate: (\S+)", policy.text, re.MULTILINE)
    version = match.group(1) if match else ""
    return Reading("absent") if version in ("", "(none)") else Reading("ok", version)


def _live(all_: Records) -> dict[str, Reading] | None:
    if not all_.of("livevalues"):
        return None
    found = {r.field(0): Reading(r.state) for r in all_.of("live")}
    for line in all_.blob("livevalues").text.splitlines():
        path, _, value = line.partition(":")
        found[path] = Reading("ok", value)
    return {
        path.removeprefix("/proc/sys/").replace("/", "."): value for path, value in found.items()
    }


def _packages(blob: Reading) -> dict[str, str] | None:
    if blob.state != "ok":
        return None
    rows = (line.split() for line in blob.text.splitlines())
    found = {r[0]: r[2] for r in rows if len(r) == 3 and r[1] == "installed"}
    return {name: found[name] for name in PACKAGES if name in found}


def _locks(all_: Records) -> tuple[Lock, ...] | None:
    if all_.reading("locks").state != "ok":
        return None
    return tuple(
        Lock(r.field(0), int(r.field(1)), r.field(2))
        for r in all_.of("lock")
        if r.field(1).isdigit()
    )
