"""What the collector finds on a machine, as a fixture for the unit tests: whole, and short."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.wanted import settings_of
from xnai.lab.machine import Machine
from xnai.triage.bundle import command, make_spec
from xnai.triage.collect.program import unframed

_LINES = 12


def collected(one: Machine) -> dict[str, Any]:
    """Return what the collector finds, asked by ssh alone."""
    asked = command(make_spec(settings_of(one)))
    items = asked.connector_arguments["_stdin"]
    done = subprocess.run(
        one.ssh_argv(str(asked)), input="".join(f"{item}\n" for item in items),
        capture_output=True, text=True, check=True, timeout=300,
    )
    found = unframed(done.stdout.splitlines())
    if found is None:
        raise SystemExit(f"the collector did not come to its end: {done.stderr}")
    return found


def shortened(found: dict[str, Any]) -> dict[str, Any]:
    """Return it without what no judgement reads: old log lines, images' history, other ports."""
    for store in found["stores"]:
        store["volumes"] = []
        store["images"] = [
            {key: one.get(key) for key in ("Id", "Names")} for one in store.get("images") or ()
        ] if store.get("images") is not None else None
        store["networks"] = [
            {"name": one.get("name")} for one in store.get("networks") or ()
        ] if store.get("networks") is not None else None
        for one in store.get("containers") or ():
            lines = one["log"].get("lines")
            if lines:
                one["log"]["lines"] = lines[-_LINES:]
            one["labels"] = {
                key: value for key, value in one["labels"].items()
                if key.startswith(("io.xnai.", "com.docker.compose.", "io.podman.compose.project"))
            }
    kept = ("MemTotal", "MemAvailable", "SwapTotal", "SwapFree")
    found["host"]["meminfo"] = {key: found["host"]["meminfo"].get(key) for key in kept}
    return found


def record(one: Machine, path: Path) -> None:
    """Write it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(shortened(collected(one)), indent=0, sort_keys=True)
    path.write_text(text + "\n", "utf-8")
