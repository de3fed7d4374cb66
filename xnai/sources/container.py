"""From one service of a compose file to the keys of a source that are about its container."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from xnai.audit.compose import ComposeFile, ComposeService
from xnai.settings.checks_containers import ALIAS, RESTARTS
from xnai.settings.checks_sources import sounds_secret
from xnai.sources.model import NotTaken, Proposal

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgKMG]?)i?[bB]?")
_DEFAULT = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*:?-([^${}]*)\}")
_URL = re.compile(r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0)(:\d+)(/[^\s\"'|;)]*)?")
# Of Compose; all else is named as it stands.
_REASONS = {
    "build": "", "image": "", "environment": "", "volumes": "", "healthcheck": "", "restart": "",
    "cpus": "", "tmpfs": "", "working_dir": "", "networks": "", "mem_limit": "", "deploy": "",
    "command": "", "container_name": "", "hostname": "",
    "ports": "it is published on 127.0.0.1 by its own port setting",
    "depends_on": "as for the reference service; every service waits for those that it needs",
    "env_file": "variables go to 'environment', secrets to 'environment_secrets'; no value is read",
    "user": "it runs as container_uid:container_gid",
    "privileged": "never; say what it is for, and look for a device or capability instead",
    "cap_add": "all capabilities are dropped",
    "network_mode": "it is in the stack's own network",
    "logging": "logs go to the journal",
    "labels": "labels are the deploy's",
    "read_only": "its root is read-only in any case; writable places are 'tmpfs' and 'volumes'",
    "security_opt": "no-new-privileges is set in any case",
    "stop_grace_period": "it has 30 s",
    "init": "it has one in any case",
    "secrets": "secrets of the stack: 'environment_secrets', or files in /run/secrets",
}


@dataclass(frozen=True)
class Replaced:
    """What must be known of the service whose place another one takes.

    Attributes:
        port: that it listens on, or None.
        lowest_mib: the least memory limit that it may have.
    """

    port: int | None
    lowest_mib: int


def take(
    file: ComposeFile, service: ComposeService, into: Proposal, secrets: list[str],
    replaced: Replaced,
) -> None:
    """Add what a service says of its container to a proposal.

    Args:
        file: its compose file.
        service: the service.
        into: the proposal.
        secrets: of the stack, without its name.
        replaced: the service whose place it takes.
    """
    def left(what: str, reason: str, *keys: str | int) -> None:
        into.not_taken.append(NotTaken(file.path, service.line(*keys), what, reason))

    _environment(file, service, into, secrets)
    _volumes(file, service, into, left)
    _health(service, into, left)
    if replaced.port is not None:
        _ports(service, into, left, replaced.port)
    _limits(service, into, left, replaced.lowest_mib)
    for key, name in (("tmpfs", "tmpfs"), ("working_dir", "working_directory")):
        if value := service.data.get(key):
            into.source[name] = [value] if key == "tmpfs" and isinstance(value, str) else value
    restart = service.text("restart").partition(":")[0]
    if restart in RESTARTS:
        into.source["restart"] = restart
    elif restart:
        left("restart", f"{restart!r}: a service of the stack runs for long", "restart")
    aliases = [service.name, service.text("container_name"), service.text("hostname")]
    networks = service.data.get("networks")
    for one in (networks.values() if isinstance(networks, dict) else ()):
        aliases += one.get("aliases", []) if isinstance(one, dict) else []
    wanted = [
        name for name in dict.fromkeys(map(str, aliases))
        if re.fullmatch(ALIAS, name) and name != into.service
    ]
    if wanted:
        into.source["aliases"] = wanted
    told = {one.what for one in into.not_taken}
    for key in service.data:
        if key not in told and (reason := _REASONS.get(key, "there is no such key here")) != "":
            left(key, reason, key)


def _environment(
    file: ComposeFile, service: ComposeService, into: Proposal, secrets: list[str]
) -> None:
    plain, by_secret = {}, {}
    for name, (value, line) in service.environment.items():
        def left(reason: str, name: str = name, line: int = line) -> None:
            into.not_taken.append(NotTaken(file.path, line, name, reason))

        default = _DEFAULT.sub(r"\1", value)
        if sounds_secret(name):
            # Whatever its value is, it is not read on.
            fits = [one for one in secrets if one == name.lower()] or [
                one for one in secrets if one == "redis_password" and "REDIS" in name
            ]
            if fits:
                by_secret[name] = fits[0]
            else:
                left(f"sounds secret, and no secret of the stack is it: 'environment_secrets' "
                     f"takes one of {', '.join(secrets)}, or one of your own (own_secrets)")
        elif "$" in default or not default:
            left("its value comes from outside of the file: write it")
        elif re.search(r"://[^/\s:@]+:[^/\s@]+@", value):
            left("an address with a password in it; not read")
        elif re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
            plain[name] = default
            if default != value:
                left("taken with the default that the file has for it; an .env may say otherwise")
        else:
            left("names are of A-Z 0-9 _ here")
    if plain:
        into.source["environment"] = into.source.get("environment", {}) | plain
    if by_secret:
        into.source["environment_secrets"] = by_secret


def _ports(service: ComposeService, into: Proposal, left: Callable[..., None], port: int) -> None:
    """Where their program listens elsewhere than the service whose place it takes."""
    value = service.data.get("ports")
    found = []
    for one in value if isinstance(value, list) else ():
        target = one.get("target") if isinstance(one, dict) else str(one).rpartition(":")[2]
        found.append(str(target).partition("/")[0])
    if found and str(port) not in found:
        left("ports", f"it listens on {found[0]}, and {into.service} is published from {port}: let "
             "it listen there ('command' or 'environment'), and its 'health' ask there", "ports")


def _volumes(
    file: ComposeFile, service: ComposeService, into: Proposal, left: Callable[..., None]
) -> None:
    taken = []
    for number, mount in enumerate(service.mounts):
        target = posixpath.normpath(mount.target) if mount.target else ""
        name = re.sub(r"[^a-z0-9_]", "_", mount.source.strip("./~").lower().rpartition("/")[2])
        if not target.startswith("/") or "$" in mount.source + mount.target:
            left(mount.text, "its place cannot be told", "volumes", number)
        elif not mount.source:
            into.source.setdefault("tmpfs", []).append(target)
        elif mount.is_bind and mount.source.startswith("/"):
            taken.append(f"{mount.source}:{target}:ro")
            if "ro" not in mount.options:
                left(mount.text, "a directory of the host is read-only here; what is written goes "
                     "into a volume", "volumes", number)
        elif mount.is_bind and target in ("/app", "/app/app", "/code"):
            left(mount.text, "the code is in the image, by 'copy'", "volumes", number)
        elif mount.is_bind:
            near = file.near(mount.source)
            left(mount.text, f"{near} of the checkout: code and configuration go into 'copy', data "
                 f"into a volume such as '{name or 'data'}:{target}'", "volumes", number)
        else:
            taken.append(f"{name}:{target}")
    if taken:
        into.source["volumes"] = taken


def _health(service: ComposeService, into: Proposal, left: Callable[..., None]) -> None:
    value = service.data.get("healthcheck")
    if not isinstance(value, dict):
        if into.service != "docs":
            left("healthcheck", "there is none, and the reference service's asks what your "
                 "program may not have: write 'health'")
        return
    found: dict[str, Any] = {}
    if address := _URL.search(service.check):
        found["url"] = f"http://127.0.0.1{address[1]}{address[2] or '/'}"
    elif service.check:
        left("healthcheck", f"{service.check[:80]!r}: write it as 'command', of a program that the "
             "image has", "healthcheck")
    for key, name in (("interval", "interval_s"), ("timeout", "timeout_s"),
                      ("start_period", "start_period_s")):
        match = _DURATION.fullmatch(str(value.get(key, "")))
        if match and any(match.groups()):
            hours, minutes, seconds = (float(one or 0) for one in match.groups())
            found[name] = max(1, round(hours * 3600 + minutes * 60 + seconds))
    if isinstance(value.get("retries"), int | str) and str(value["retries"]).isdigit():
        found["retries"] = int(value["retries"])
    if found:
        into.source["health"] = found


def _limits(
    service: ComposeService, into: Proposal, left: Callable[..., None], lowest_mib: int
) -> None:
    deploy = service.data.get("deploy")
    resources = deploy.get("resources") if isinstance(deploy, dict) else None
    limits = resources.get("limits") if isinstance(resources, dict) else None
    limits = limits if isinstance(limits, dict) else {}
    memory = str(service.data.get("mem_limit") or limits.get("memory") or "")
    if match := _SIZE.fullmatch(memory):
        factor = {"": 1 / 2**20, "k": 1 / 1024, "m": 1, "g": 1024}[match[2].lower()]
        wanted = max(1, round(float(match[1]) * factor))
        into.settings[f"{into.service}_memory_limit_mib"] = max(wanted, lowest_mib)
        if wanted < lowest_mib:
            left("memory limit", f"{wanted} MiB, and at least {lowest_mib} are allowed here",
                 "mem_limit")
    elif memory:
        left("memory limit", f"{memory!r} cannot be read", "mem_limit")
    cpus = str(service.data.get("cpus") or limits.get("cpus") or "")
    if re.fullmatch(r"\d+(\.\d+)?", cpus):
        into.source["cpus"] = float(cpus)
    if isinstance(deploy, dict):
        for key in set(deploy) - {"resources"}:
            left(f"deploy.{key}", "one machine runs one container of it", "deploy", key)
        if isinstance(resources, dict) and resources.get("reservations"):
            left("deploy.resources.reservations", "memory is reserved by "
                 f"{into.service}_memory_reservation_mib; devices are not handed on", "deploy")
