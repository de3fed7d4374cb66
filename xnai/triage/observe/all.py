"""All observations of one scope of one host, with what could not be seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xnai.diagnostics.finding import Unknown
from xnai.settings.model import Settings
from xnai.triage.observation import Seen
from xnai.triage.observe import containers, host, plan, state_of_store
from xnai.triage.observe.scope import Scope, needs, service_names


def seen(scope: Scope, found: Mapping[str, Any], settings: Settings) -> Seen:
    """Return what was seen.

    Args:
        scope: what is looked at.
        found: what the collector returned.
        settings: of the host.
    """
    result = Seen(
        needs=needs(scope), services=service_names(scope), podman=scope.podman,
        scope=scope.words, time=found["host"]["time"],
    )
    result.observations += containers.observed(scope, found)
    result.observations += state_of_store.observed(scope, found)
    result.observations += host.observed(scope, found)
    if scope.is_ours:
        result.observations += plan.observed(scope, found, settings)
    result.blind += _blind(scope, found)
    result.well += _well(scope, found)
    return result


def _blind(scope: Scope, found: Mapping[str, Any]) -> list[Unknown]:
    facts, store = found["host"], scope.store
    spots = []
    if facts["uid"] != 0:
        spots.append(Unknown("the host", f"asked as UID {facts['uid']}, not as root",
                               "log in as root, or with sudo (_sudo in hosts.py)"))
    if store.get("containers") is None:
        why = str(store.get("error") or "Podman did not answer")
        spots.append(Unknown(f"containers of {scope.user}", why, f"{scope.podman} ps --all"))
    elif store.get("error"):
        spots.append(Unknown(f"Podman of {scope.user}", str(store["error"]), ""))
    if store.get("secrets") is None and store.get("containers") is not None:
        spots.append(Unknown("secrets", "Podman did not list them: their values could not be "
                               "looked for in what is shown", f"{scope.podman} secret ls"))
    if not facts["kernel_readable"]:
        spots.append(Unknown("the kernel's log", "dmesg cannot be read", "sudo dmesg"))
    for one in scope.containers:
        if error := one["log"].get("error"):
            spots.append(Unknown(f"log of {one['name']}", error,
                                   f"{scope.podman} logs {one['name']}"))
    if not scope.is_ours:
        spots.append(Unknown(
            "what should be there", "this project was not deployed by us: there is no plan and no "
            "last healthy generation to compare with", "",
        ))
    return spots


def _well(scope: Scope, found: Mapping[str, Any]) -> list[str]:
    running = [
        one for one in scope.containers
        if one["status"] == "running" and one["health"] in ("healthy", "")
    ]
    spaces = [
        f"{path} {one['free_mib']} MiB free" for path, one in found["host"]["spaces"].items() if one
    ]
    memory = found["host"]["meminfo"].get("MemAvailable", 0) >> 10
    answers = [
        said for said in scope.store["answers"].values()
        if "error" not in said and said.get("status", 200) < 400
    ]
    return [
        f"{len(running)} of {max(len(scope.containers), len(scope.wanted))} containers are well",
        f"{len(answers)} of {len(scope.store['answers'])} questions answered",
        f"{memory} MiB of memory available", *spaces[:1],
    ]
