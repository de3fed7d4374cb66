"""The host: disk, memory, zram, the user's session, kernel, clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from xnai.facts.oom import GUARD, MACHINE, OomKills
from xnai.triage.observation import HOST, Observation
from xnai.triage.observe.containers import seconds
from xnai.triage.observe.scope import Scope

_LEAST_FREE_MIB = 64
_LEAST_FREE_INODES = 500
_SUB_IDS = 65536
# What was killed longer ago says nothing of now.
_RECENT_S = 900


def observed(scope: Scope, found: Mapping[str, Any]) -> Iterator[Observation]:
    """Yield what was seen of the host itself.

    Args:
        scope: what is looked at.
        found: what the collector returned.
    """
    host = found["host"]
    yield from _spaces(host)
    yield from _zram(host)
    yield from _kills(host)
    yield from _account(scope, host)
    yield from _kernel(host)
    for unit in host["failed_units"] or ():
        yield Observation("unit", HOST, f"failed {unit}", f"systemctl status {unit}")
    for unit in scope.store.get("units") or ():
        show = f"sudo systemctl --user --machine={scope.user}@ status {unit}"
        yield Observation("unit", HOST, f"failed of {scope.user} {unit}", show)


def _spaces(host: Mapping[str, Any]) -> Iterator[Observation]:
    said = set()
    for path, space in host["spaces"].items():
        if space is None:
            continue
        what = ""
        if space["read_only"]:
            what = f"{path} is mounted read-only"
        elif space["size_mib"] and space["free_mib"] < _LEAST_FREE_MIB:
            what = f"{path} has {space['free_mib']} MiB free of {space['size_mib']}"
        elif space["inodes"] and space["free_inodes"] < _LEAST_FREE_INODES:
            what = f"{path} has {space['free_inodes']} inodes free of {space['inodes']}"
        key = (space["size_mib"], space["free_mib"])
        if what and key not in said:
            said.add(key)
            yield Observation("space", HOST, what, f"df -h {path}; df -i {path}")
    for line in host["kernel_errors"]:
        yield Observation("kernel", HOST, line, "sudo dmesg --level=err", seconds(line), True)


def _zram(host: Mapping[str, Any]) -> Iterator[Observation]:
    swaps = " ".join(host["swaps"])
    show = "swapon --show; zramctl"
    for device in host["zram"]:
        active = f"/dev/{device['name']}" in swaps
        if device["name"] != "zram0" or active:
            continue
        yield Observation("memory", HOST, f"zram0 disksize={device['disksize']} no swap", show)
    if not host["zram"] and "zram" not in swaps:
        yield Observation("memory", HOST, "no zram device", show)
    if host["zswap"] == "Y" and "/dev/zram" in swaps:
        yield Observation("memory", HOST, "zswap is on above zram", "cat "
                          "/sys/module/zswap/parameters/enabled")
    free = host["meminfo"].get("MemAvailable", 1 << 30) >> 10
    if free < 64:
        yield Observation("memory", HOST, f"{free} MiB of memory are available", "free -m")


def _kills(host: Mapping[str, Any]) -> Iterator[Observation]:
    """Kills outside of containers: the whole machine's, or by systemd-oomd."""
    for kill in OomKills().process([*host["kills"], "@ok"]) or ():
        if kill.container_id or kill.limit not in (MACHINE, GUARD):
            continue
        time = seconds(kill.time)
        old = time is None or time < host["time"] - _RECENT_S
        show = "sudo journalctl --dmesg --grep=oom-kill"
        yield Observation("kill", HOST, f"{kill.limit} {kill.process}: {kill.cause}", show, time,
                          old)


def _account(scope: Scope, host: Mapping[str, Any]) -> Iterator[Observation]:
    store, user = scope.store, scope.user
    show = f"loginctl show-user {user}; ls /run/user/{store['uid']}"
    if user not in host["lingering"]:
        yield Observation("account", HOST, f"lingering of {user} is off", show)
    if not store["session"] and store["storage"]:
        where = f"no /run/user/{store['uid']}" if not store["runtime_dir"] else (
            f"no bus in /run/user/{store['uid']}"
        )
        yield Observation("account", HOST, f"no user session of {user}: {where}", show)
    for kind in ("subuid", "subgid"):
        lines = [
            line.split(":") for line in (host[kind] or "").splitlines()
            if line.split(":")[0] in (user, str(store["uid"]))
        ]
        count = sum(int(line[2]) for line in lines if len(line) == 3 and line[2].isdigit())
        if count < _SUB_IDS and store["storage"]:
            yield Observation("account", HOST, f"{kind} of {user}: {count} IDs",
                              f"grep {user} /etc/{kind}")


def _kernel(host: Mapping[str, Any]) -> Iterator[Observation]:
    release, userns = host["kernel"], host["userns"]
    if host["kernels"] and release not in host["kernels"]:
        words = f"running {release}, its modules are gone; installed: {host['kernels'][-1]}"
        yield Observation("kernel", HOST, words, "uname -r; ls /lib/modules")
    for name, bad in (
        ("kernel/apparmor_restrict_unprivileged_userns", "1"),
        ("kernel/unprivileged_userns_clone", "0"), ("user/max_user_namespaces", "0"),
    ):
        if userns.get(name) == bad:
            yield Observation("kernel", HOST, f"{name.replace('/', '.')} = {bad}",
                              f"sysctl {name.replace('/', '.')}")
    conntrack = host["conntrack"]
    if all(conntrack) and int(conntrack[0]) >= int(conntrack[1]) > 0:
        yield Observation("kernel", HOST, f"conntrack {conntrack[0]} of {conntrack[1]}",
                          "sysctl net.netfilter.nf_conntrack_count")
