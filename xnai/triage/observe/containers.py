"""Containers: state, health, log, kills, answers, what they reach."""

from __future__ import annotations

import datetime
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from xnai.facts.oom import OomKill, OomKills
from xnai.triage.collect.questions import names, role, service_of
from xnai.triage.observation import Observation
from xnai.triage.observe import ports
from xnai.triage.observe.scope import Scope

Container = Mapping[str, Any]


def seconds(text: str) -> float | None:
    """Return a time of Podman's or of a log as seconds since 1970, or None for none."""
    match = re.match(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d{1,6})?\d*\s*(Z|[+-]\d\d:?\d\d)?",
                     text or "")
    if not match or match[1] == "0001-01-01":
        return None
    zone = (match[4] or "Z").replace("Z", "+00:00")
    return datetime.datetime.fromisoformat(f"{match[1]}T{match[2]}{match[3] or ''}{zone}"
                                           ).timestamp()


def last_well(container: Container) -> float | None:
    """Return when a container was last known to be well, seconds since 1970; None: never."""
    times = [
        seconds(entry["start"]) for entry in container["health_log"] if entry["code"] == 0
    ]
    known = [one for one in [*times, container.get("last_healthy")] if one]
    return max(known, default=None)


def is_old(time: float | None, container: Container) -> bool:
    """Return whether something of a container is history: older than its last well moment."""
    well = last_well(container)
    if time is None:
        return False
    if well is not None and time <= well:
        return True
    # One without a health check that runs is as well as anybody knows since it was started.
    started = seconds(container["started"])
    return (
        container["status"] == "running" and not container["health"]
        and started is not None and time < started and container["restarts"] == 0
    )


def observed(scope: Scope, found: Mapping[str, Any]) -> Iterator[Observation]:
    """Yield what was seen of each container of the scope.

    Args:
        scope: what is looked at.
        found: what the collector returned.
    """
    kills = OomKills().process([*found["host"]["kills"], "@ok"]) or ()
    for one in scope.containers:
        yield _state(scope, one, found["host"])
        yield from _health(scope, one)
        yield from _log(scope, one)
        for kill in kills:
            if kill.container_id == one["id"]:
                yield _kill(one, kill)
        yield from _answers(scope, one, found["host"]["time"])
        yield from ports.observed(scope, one, found["host"]["listeners"])


def _state(scope: Scope, one: Container, host: Mapping[str, Any]) -> Observation:
    name = one["name"]
    words = [str(one["status"])]
    time: float | None = None
    if one["status"] == "running":
        words += [_health_word(one, host["time"]), f"restarts={one['restarts']}"]
        words.append(f"policy={one['restart_policy']}")
    elif (time := seconds(one["finished"])) and time < host["time"] - host["uptime_s"]:
        # The boot unit takes its time on a slow machine.
        early = host["uptime_s"] < _STARTS_WITHIN_S
        words = [f"{'waiting' if early else 'not started'} since the boot, before it {words[0]}"]
    else:
        words += [
            f"code={one['exit_code']}", f"ended-by={_ended_by(one, host)}",
            f"restarts={one['restarts']}", f"policy={one['restart_policy']}",
            f"service={service_of(one)}",
        ]
    if one["error"]:
        words.append(f"error={one['error']}")
    show = f"{scope.podman} inspect --format '{{{{json .State}}}}' {name}"
    return Observation("state", name, " ".join(words), show, time)


# One without a health check that Podman started again this lately has not shown that it stays.
_STAYS_FOR_S = 60.0


def _health_word(one: Container, now: float) -> str:
    """A running container's health; of one without a check whether it was only just restarted."""
    if one["health"]:
        return str(one["health"])
    return "just-restarted" if _is_just_restarted(one, now) else "no-health-check"


def _is_just_restarted(one: Container, now: float) -> bool:
    started = seconds(one["started"])
    return bool(
        not one["health"] and one["restarts"] and started and now - started < _STAYS_FOR_S
    )


# Between the end of a container and its next start; it is longer on a busy machine.
_RESTARTS_WITHIN_S = 20.0
# Its own, or that of SIGTERM or SIGKILL.
_CODES_OF_A_STOP = (0, 143, 137)
# After a boot, with a stack that starts at once on a slow machine.
_STARTS_WITHIN_S = 300.0


def _ended_by(one: Container, host: Mapping[str, Any]) -> str:
    """Who ended it: `stop` or `kill` where Podman noted such a call, `command`, or `itself`.

    Podman notes a stop not always (5.4.2: where the container's cleanup is quicker), but what ends
    by itself it starts again where the restart policy says so.
    """
    died = next((event["time"] for event in one["ends"] if event["event"] == "died"), None)
    for event in one["ends"]:
        # podman stop notes itself after the death, kill before it.
        if event["event"] in ("stop", "kill") and (
            died is None or abs(event["time"] - died) < _RESTARTS_WITHIN_S
        ):
            return str(event["event"])
    finished = seconds(one["finished"])
    if one["restart_policy"] not in ("always", "unless-stopped") or finished is None:
        return "itself"
    ago = host["time"] - finished
    is_of_this_boot = ago < host["uptime_s"]
    # One that had run for a while and ended as a stop ends it was in no circle of restarts, however
    # many there were before.
    ran_s = finished - (seconds(one["started"]) or finished)
    may_restart = one["restarts"] and not (
        ran_s >= _STAYS_FOR_S and one["exit_code"] in _CODES_OF_A_STOP
    )
    is_settled = ago > (_RESTARTS_WITHIN_S if may_restart else 2)
    # A start of one that ran is refused, and noted as its error.
    is_clean = not one["error"] or one["error"].endswith(" is running")
    return "command" if is_of_this_boot and is_settled and is_clean else "itself"


def _health(scope: Scope, one: Container) -> Iterator[Observation]:
    if one["status"] != "running" or one["health"] == "healthy":
        return
    for entry in one["health_log"][-3:]:
        text = " ".join(entry["output"].split())
        if entry["code"] != 0 and text:
            show = f"{scope.podman} inspect --format '{{{{json .State.Health}}}}' {one['name']}"
            yield Observation("health", one["name"], text[:600], show, seconds(entry["start"]))


def _log(scope: Scope, one: Container) -> Iterator[Observation]:
    show = f"{scope.podman} logs --tail 150 {one['name']}"
    for when, text in one["log"].get("lines") or ():
        time = when if isinstance(when, int | float) else seconds(when)
        if text.strip():
            yield Observation("log", one["name"], text, show, time, is_old(time, one))


def _kill(one: Container, kill: OomKill) -> Observation:
    time = seconds(kill.time)
    text = f"{kill.limit} {kill.process}: {kill.cause}"
    show = "sudo journalctl --dmesg --grep=oom-kill"
    if kill.limit == "guard":
        show = "sudo journalctl --unit=systemd-oomd --grep='^Killed '"
    return Observation("kill", one["name"], text, show, time, is_old(time, one))


def _answers(scope: Scope, one: Container, now: float) -> Iterator[Observation]:
    """What it answered inside its own network, and what it reaches there."""
    show = _asks(scope, one)
    for key, said in scope.store["answers"].items():
        id_, _, what = key.partition(" ")
        if id_ != one["id"]:
            continue
        if what.startswith("needs "):
            yield from _need(scope, one["name"], what.removeprefix("needs "), said, now)
        elif what.startswith("host "):
            words = f"published {what.removeprefix('host ')} {_outcome(said)}"
            yield Observation("port", one["name"], words, f"ss -ltn; {scope.podman} port "
                              f"{one['name']}")
        elif what == "redis":
            yield from _redis(one, said, show)
        else:
            yield Observation("answer", one["name"], f"{what} {_outcome(said)}", show)


def _asks(scope: Scope, one: Container) -> str:
    """A command that asks a container what was asked of it, without a secret in it."""
    if role(one) == "redis" and any("redis_password" in s["name"] for s in one["secrets"]):
        words = "REDISCLI_AUTH=$(cat /run/secrets/redis_password) redis-cli info persistence"
        return f"{scope.podman} exec {one['name']} sh -c '{words}'"
    test = one["health_command"]
    # Vikunja's own `healthcheck` migrates its database.
    if test[:1] != ["CMD"] or test[1:2] == ["sh"] or "healthcheck" in test:
        return f"{scope.podman} logs --tail 50 {one['name']}"
    return f"{scope.podman} exec {one['name']} {shlex.join(test[1:])}"


def _outcome(said: Mapping[str, Any]) -> str:
    if "skipped" in said:
        return f"not asked: {said['skipped']}"
    if "error" in said:
        return f"error {said['error']}"
    if "status" in said:
        body = " ".join(said["body"].split())[:300]
        return f"status={said['status']} ({said['ms']} ms) {body}"
    return f"{said.get('answer') or 'answers'} ({said['ms']} ms)"


def _redis(one: Container, said: Mapping[str, Any], show: str) -> Iterator[Observation]:
    def seen(text: str) -> Observation:
        return Observation("answer", one["name"], f"redis {text}", show)

    if "skipped" in said:
        yield seen(f"not asked: {said['skipped']}")
        return
    if "error" in said:
        yield seen(f"error {said['error']}")
        return
    yield seen(f"ping {said['ping']} ({said['ms']} ms)")
    if said.get("auth", "OK") != "OK":
        yield seen(f"auth {said['auth']}")
    info = said["info"]
    if "rdb_last_bgsave_status" in info:
        yield seen(f"bgsave {info['rdb_last_bgsave_status']}")
    if "aof_last_write_status" in info and info["aof_last_write_status"] != "ok":
        yield seen(f"aof {info['aof_last_write_status']}")
    used, most = int(info.get("used_memory") or 0), int(info.get("maxmemory") or 0)
    if most and used >= most * 98 // 100:
        yield seen(f"full used={used} maxmemory={most} policy={info.get('maxmemory_policy')}")
    clients, limit = int(info.get("connected_clients") or 0), int(info.get("maxclients") or 0)
    if limit and clients >= limit:
        yield seen(f"clients={clients} maxclients={limit}")


def _need(
    scope: Scope, name: str, what: str, said: Mapping[str, Any], now: float
) -> Iterator[Observation]:
    host, _, rest = what.partition(" ")
    show = f"{scope.podman} exec {name} getent hosts {host}"
    target = next((one for one in scope.containers if host in names(one)), None)
    if "skipped" in said:
        yield Observation("need", name, f"{rest} of {host}: not asked: {said['skipped']}", show)
    elif target is not None and target["health"] == "starting" and "error" in said:
        yield Observation("need", name, f"{host} is starting", show)
    elif rest == "name":
        if "error" in said:
            words = f"name {host}: no answer from the name server ({said['error']})"
        elif not said["addresses"]:
            is_down = target is not None and _is_down(target, now)
            words = f"name {host}: not known (code {said['code']})"
            if is_down:
                words = f"name {host}: error its container does not run"
        else:
            words = f"name {host}: {', '.join(said['addresses'])}"
        yield Observation("need", name, words, show)
    elif target is not None and "error" in said and _is_down(target, now):
        # A packet to nobody is dropped as one that a firewall drops.
        yield Observation("need", name, f"{rest} of {host}: error its container does not stay up",
                          show)
    else:
        yield Observation("need", name, f"{rest} of {host}: {_outcome(said)}", show)


def _is_down(one: Container, now: float) -> bool:
    return one["status"] != "running" or _is_just_restarted(one, now)
