"""What containers are made of: volumes, secrets, networks, images; and how Podman is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from xnai.triage.collect.questions import role
from xnai.triage.observation import HOST, Observation
from xnai.triage.observe.scope import Scope

Container = Mapping[str, Any]
# The users of the official images, where a container names none.
_USERS = {"redis": "999:999", "postgresql": "999:999", "vikunja": "1000:0"}


def observed(scope: Scope, found: Mapping[str, Any]) -> Iterator[Observation]:
    """Yield what was seen of the store, and of what its containers are made of.

    Args:
        scope: what is looked at.
        found: what the collector returned.
    """
    store = scope.store
    if store.get("error"):
        yield Observation("store", HOST, f"{scope.user}: {store['error']}", f"{scope.podman} ps")
    ids = _subordinate(found["host"], scope.user, store["uid"])
    # Without ranges no number can be told for what it is inside.
    for one in scope.containers if ids else ():
        for mount in one["mounts"]:
            yield from _mount(scope, one, mount, ids, store["uid"])
    yield from _secrets(scope)
    yield from _networks(scope)


def _subordinate(host: Mapping[str, Any], user: str, uid: int) -> list[tuple[int, int]]:
    found = []
    for line in (host["subuid"] or "").splitlines():
        words = line.split(":")
        if len(words) == 3 and words[0] in (user, str(uid)) and words[1].isdigit():
            found.append((int(words[1]), int(words[2])))
    return found


def inside(number: int, ids: list[tuple[int, int]], uid: int) -> int | None:
    """Return what a number of the host's is inside a rootless container; None: not mapped.

    Args:
        number: UID on the host.
        ids: the user's subordinate ranges, first and count.
        uid: that user's own, which is 0 inside (user_namespaces(7), as Podman maps them).
    """
    if number == uid:
        return 0
    at = 1
    for first, count in ids:
        if first <= number < first + count:
            return at + number - first
        at += count
    return None


def _mount(
    scope: Scope, one: Container, mount: Mapping[str, Any], ids: list[tuple[int, int]], uid: int
) -> Iterator[Observation]:
    name = mount["name"] or mount["source"]
    show = f"{scope.podman} unshare ls -lan {mount['source']}"
    if "missing" in mount:
        yield Observation("volume", one["name"], f"{name}: {mount['source']} {mount['missing']}",
                          show)
        return
    user = one["user"] or _USERS.get(role(one), "")
    wanted = user.partition(":")[0]
    if not mount["writable"] or not wanted.isdigit():
        return
    owner = inside(mount["uid"], ids, uid)
    words = f"{name} at {mount['target']} owner={_number(owner)} user={wanted}"
    is_writable = mount["mode"] & 0o002 or owner == int(wanted) or wanted == "0"
    strangers = [
        entry for entry, entry_uid, _, mode in mount["inside"]
        if inside(entry_uid, ids, uid) != int(wanted) and wanted != "0" and not mode & 0o002
        and entry != "lost+found"
    ]
    if not is_writable:
        yield Observation("volume", one["name"], f"{words} mode={mount['mode']:o} not writable",
                          show)
    elif owner == int(wanted) and not mount["mode"] & 0o200:
        yield Observation("volume", one["name"], f"{words} mode={mount['mode']:o} read-only mode",
                          show)
    elif strangers:
        yield Observation("volume", one["name"], f"{words} foreign files: "
                          f"{', '.join(sorted(strangers)[:3])}", show)


def _number(owner: int | None) -> str:
    return "not mapped" if owner is None else str(owner)


def _secrets(scope: Scope) -> Iterator[Observation]:
    there = scope.store.get("secrets")
    if there is None:
        return
    ids = {one["name"]: one["id"] for one in there}
    show = f"{scope.podman} secret ls"
    for one in scope.containers:
        for secret in one["secrets"]:
            name = secret["name"]
            if name not in ids:
                yield Observation("secret", one["name"], f"missing {name}", show)
            elif ids[name] != secret["id"]:
                yield Observation("secret", one["name"], f"stale {name}", show)
    made = {secret["name"] for one in scope.containers for secret in one["secrets"]}
    names = {one["name"] for one in scope.containers}
    for service in scope.wanted:
        for file in service.secrets:
            if file.secret not in ids and file.secret not in made:
                entity = service.container_name
                if entity not in names:
                    yield Observation("secret", entity, f"missing {file.secret}", show)


def _networks(scope: Scope) -> Iterator[Observation]:
    there = scope.store.get("networks")
    if there is None:
        return
    names = {one.get("name") or one.get("Name") for one in there}
    show = f"{scope.podman} network ls"
    seen = set()
    for one in scope.containers:
        for network in one["networks"]:
            if network not in names and network not in ("podman", "host", "none", "pasta",
                                                         "slirp4netns"):
                seen.add((one["name"], network))
    for service in scope.wanted:
        seen |= {(service.container_name, n) for n in service.networks if n not in names}
    for entity, network in sorted(seen):
        yield Observation("network", entity, f"missing {network}", show)
