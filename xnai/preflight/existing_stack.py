"""Whether a stack already lives in somebody's rootless store: it is named, and never touched."""

from __future__ import annotations

from collections.abc import Iterable

from xnai.diagnostics.finding import Finding
from xnai.facts.machine.model import FoundStore
from xnai.record.baseline import DIRECTORY


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
                f"Nothing was touched. Is it to stay? Then set another stack_name, and other ports "
                f"where it uses ours. Is it to make room? It is {store.user}'s: save its data, and "
                "end it, with what started it."
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


def judge_deployed(
    deployed: tuple[str, ...] | None, stack_name: str, stack_user: str
) -> list[Finding]:
    """Return findings on another stack of ours on this machine: there is one a machine.

    Two would share ports, the memory that the capacity formula counts, and the drop-ins above the
    user's containers, each with its own sum.

    Args:
        deployed: names of the stacks that are there; None: could not be listed.
        stack_name: of the settings.
        stack_user: of the settings.
    """
    needed = "one stack a machine"
    if deployed is None:
        remedy = f"sudo ls {DIRECTORY}"
        return [Finding("second-stack", "unknown", DIRECTORY, "could not tell", needed, remedy)]
    found = []
    for name in deployed:
        if name == stack_name:
            continue
        text = f"the stack {name} is deployed here, and stack_name is {stack_name!r}"
        remedy = (
            f"stack_name = {name!r} goes on with that one. Or take it down first, its data stay: "
            f"pyinfra inventory.py tasks/teardown.py --data stack_name={name} "
            f"--data stack_user={stack_user}"
        )
        found.append(Finding("second-stack", "error", name, text, needed, remedy))
    return found
