"""What is asked of each container: of itself, of what it needs, and from the host."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any

from xnai.triage.collect.in_network import From, Question, answered, ask, keyed

Container = Mapping[str, Any]
Values = Mapping[str, str]

# http://name:port/..., user:password@name, name:port, name
_ADDRESS = re.compile(
    r"^(?:(?P<scheme>[a-z][a-z0-9+.]*)://)?(?:[^@/\s]*@)?"
    r"(?P<host>[a-z][a-z0-9_.-]*)(?::(?P<port>\d{1,5}))?(?:[/?].*)?$"
)
_NAMES_A_SERVICE = re.compile(r"(^|_)(HOST|HOSTNAME|URL|URI|ADDR|ADDRESS|DSN|ENDPOINT|BROKER)$")
_PORTS = {"redis": 6379, "rediss": 6379, "postgres": 5432, "postgresql": 5432, "http": 80}


def service_of(container: Container) -> str:
    """Return the container's service name, as Compose labels it, or its own."""
    labels = container["labels"]
    return str(labels.get("com.docker.compose.service") or container["name"])


def names(container: Container) -> set[str]:
    """Return all names under which neighbours find it."""
    found = {container["name"], service_of(container)}
    for network in container["networks"].values():
        found |= set(network["aliases"])
    return found


def role(container: Container) -> str:
    """Return redis, postgresql, vikunja or nothing: by its image's name."""
    image = container["image"].rpartition("/")[2].partition(":")[0].partition("@")[0]
    for word in ("redis", "valkey"):
        if word in image:
            return "redis"
    if "postgres" in image or "postgis" in image or "pgvector" in image:
        return "postgresql"
    return "vikunja" if "vikunja" in image else ""


def references(container: Container) -> list[tuple[str, str, int]]:
    """Return what its environment says that it needs: variable, host and port (0: not said)."""
    env = dict(item.partition("=")[::2] for item in container["env"])
    found = []
    for name, value in env.items():
        match = _ADDRESS.match(value)
        if not match or not _NAMES_A_SERVICE.search(name):
            continue
        host = match["host"]
        if host == "localhost" or "/" in value.partition("://")[2].partition("/")[0]:
            continue
        port = int(match["port"] or 0) or _PORTS.get(match["scheme"] or "", 0)
        if not port and name.endswith("_HOST"):
            beside = env.get(f"{name[:-5]}_PORT", "")
            port = int(beside) if beside.isdigit() else 0
        found.append((name, host, port))
    return found


def of_itself(
    container: Container, values: Values, checks: Sequence[Question]
) -> list[Question]:
    """Return what is asked of a container inside its own network.

    Args:
        container: it runs.
        values: the secrets' values, by name.
        checks: what our own plan asks of it; none for a container of somebody else's.
    """
    found, id_ = [], container["id"]
    env = dict(item.partition("=")[::2] for item in container["env"])
    kind = role(container)
    if kind == "redis":
        password = _redis_password(container, env, values)
        question = keyed(f"{id_} redis", "redis", address="127.0.0.1", port=6379,
                         password=password or "")
        found.append(question | ({"skip": "its password could not be read"} if password is None
                                 else {}))
    elif kind == "postgresql":
        user = env.get("POSTGRES_USER") or "postgres"
        found.append(keyed(
            f"{id_} postgresql", "postgresql", address="127.0.0.1", port=5432, user=user,
            database=env.get("POSTGRES_DB") or user,
        ))
    for check in checks:
        words = {**check["words"], "address": "127.0.0.1"}
        found.append({**check, "key": f"{id_} {check['key']}", "words": words})
    return found


def _redis_password(container: Container, env: Values, values: Values) -> str | None:
    """The password of a Redis, empty where it has none; None where it has one that is not known."""
    is_secret = False
    for secret in container["secrets"]:
        # Where Podman did not answer values are known by the beginning of the secret's ID.
        text = values.get(secret["name"]) or values.get(str(secret.get("id"))[:12]) or ""
        is_secret = is_secret or "redis" in secret["name"]
        if "redis" in secret["name"] and text and not text.startswith("requirepass"):
            return text
    if is_secret:
        return None
    words = container["command"]
    for option, value in itertools.pairwise(words):
        if option == "--requirepass":
            return str(value)
    return env.get("REDIS_PASSWORD") or env.get("REDISCLI_AUTH") or ""


def of_neighbours(container: Container, all_: Sequence[Container]) -> list[Question]:
    """Return what a container must reach: its neighbours' names and ports.

    Args:
        container: it runs.
        all_: the containers of its store.
    """
    found: list[Question] = []
    servers = [net["gateway"] for net in container["networks"].values() if net.get("gateway")]
    for variable, host, port in references(container):
        target = next((one for one in all_ if host in names(one)), None)
        key = f"{container['id']} needs {host}"
        if servers and "." not in host and not any(q["key"] == f"{key} name" for q in found):
            found.append(keyed(f"{key} name", "name", server=servers[0], name=host) | {
                "variable": variable})
        for network, net in (target["networks"] if target else {}).items():
            if port and net["ip"] and network in container["networks"]:
                found.append(keyed(f"{key} port {port}", "port", address=net["ip"], port=port))
                break
    return found


def published(container: Container) -> list[tuple[str, int, int]]:
    """Return its published ports: address on the host, port there, port inside."""
    found = []
    for inside, bindings in container["ports"].items():
        for one in bindings or ():
            address = one.get("HostIp") or "127.0.0.1"
            address = "127.0.0.1" if address in ("0.0.0.0", "::") else address  # noqa: S104
            if str(one.get("HostPort", "")).isdigit():
                found.append((address, int(one["HostPort"]), int(inside.partition("/")[0])))
    return found


def all_answers(
    containers: Sequence[Container], values: Values,
    checks: Mapping[str, Sequence[Question]],
) -> dict[str, dict[str, Any]]:
    """Ask all, in two rounds: some only once what they need has answered.

    Args:
        containers: of one store.
        values: the secrets' values, by name.
        checks: container's name -> what our plan asks of it.
    """
    running = [one for one in containers if one["status"] == "running" and one["pid"]]
    askers = []
    unasked: dict[str, dict[str, Any]] = {}
    for one in running:
        mine = of_itself(one, values, checks.get(one["name"], ()))
        unasked |= {q["key"]: {"skipped": q["skip"]} for q in mine if "skip" in q}
        mine = [q for q in mine if "skip" not in q]
        askers.append(From(one["pid"], one["id"], mine + of_neighbours(one, containers)))
    ports = [
        keyed(f"{one['id']} host {port}", "port", address=address, port=port)
        for one in running for address, port, _ in published(one)
    ]
    askers.append(From(0, "", ports))
    first = [From(a.pid, a.container, [q for q in a.questions if "after" not in q]) for a in askers]
    found = ask(first)
    later = []
    for a in askers:
        waits = [q for q in a.questions if "after" in q]
        good = [q for q in waits if _has_answered(found, containers, q["after"])]
        for question in waits:
            if question not in good:
                found[question["key"]] = {"skipped": f"{question['after']} did not answer first"}
        later.append(From(a.pid, a.container, good))
    return unasked | found | ask(later)


def _has_answered(
    found: Mapping[str, Mapping[str, Any]], containers: Sequence[Container], name: str
) -> bool:
    return any(
        answered(found, f"{one['id']} postgresql")
        and "authentication" in str(found[f"{one['id']} postgresql"].get("answer"))
        for one in containers if one["name"] == name
    )
