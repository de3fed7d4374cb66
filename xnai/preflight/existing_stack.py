"""Whether a stack already lives in somebody's rootless store: it is named, and never touched."""

from __future__ import annotations

from collections.abc import Iterable

from xnai.diagnostics.finding import Finding
from xnai.facts.machine.model import FoundStore


def clashes(store: FoundStore, container_names: Iterable[str], stack_name: str) -> list[str]:
    """Return the names in `store` that are ours or belong to a compose project named `stack_name`.

    Compose joins project and service by `_` or `-`, and prefixes volumes and networks with the
    project.
    """
    ours = set(container_names)

    def is_ours(name: str) -> bool:
        return (
            name in ours
            or name == stack_name
            or name.startswith((f"{stack_name}_", f"{stack_name}-"))
        )

    kinds = (
        ("container", store.containers or ()),
        ("volume", store.volumes),
        ("network", store.networks),
    )
    return [f"{kind} {name}" for kind, names in kinds for name in sorted(names) if is_ours(name)]


def judge_stores(
    stores: tuple[FoundStore, ...] | None,
    container_names: Iterable[str],
    stack_name: str,
    stack_user: str,
) -> list[Finding]:
    """Return findings on container stores of other users.

    stores: None when the users could not be listed; container_names: of our stack; stack_name:
    compose project; stack_user: whose store is ours, where nothing is in the way.
    """
    needed = f"no stack named {stack_name} but in the store of {stack_user}"
    if stores is None:
        remedy = "ls -d /home/*/.local/share/containers/storage"
        return [Finding("existing-stack", "unknown", "stores", "could not tell", needed, remedy)]
    found, names = [], list(container_names)
    for store in stores:
        if store.user == stack_user:
            continue
        whose = f"{store.user}'s store {store.path}"
        mine = clashes(store, names, stack_name)
        if mine:
            remedy = (
                f"Nothing was touched. To run in that user's Podman: stack_user = {store.user!r}; "
                "to keep both: another stack_name and other ports; to retire it: back up its "
                f"volumes, then remove it as {store.user} with podman-compose down."
            )
            text = f"{whose} holds {', '.join(mine)}"
            found.append(Finding("existing-stack", "error", store.user, text, needed, remedy))
        elif store.containers is None:
            remedy = f"Look by hand: sudo -iu {store.user} podman ps -a"
            text = f"{whose} could not be read"
            found.append(Finding("existing-stack", "unknown", store.user, text, needed, remedy))
        elif store.containers:
            text = f"{whose} holds other containers: {len(store.containers)}"
            found.append(Finding("existing-stack", "note", store.user, text, needed))
    return found
