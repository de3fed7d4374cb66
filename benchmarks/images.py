"""What each image weighs, how long its build takes cold and warm, and its start to healthy."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from benchmarks import pairs
from xnai.images.content import BuildInput
from xnai.lab.machine import Machine
from xnai.lab.progress import Progress
from xnai.operations.image import cache_directories
from xnai.settings.model import Settings
from xnai.stack.catalogue import build_inputs, services

# The goal leaves these out: they carry the model and its server.
_MODEL = {"llm", "llm_packages"}
# Only in build stages.
_TOOLS = {"build"}
GOAL_MIB = 700
_TIMEOUT_S = 900.0


@dataclass
class Measured:
    """One image: bytes that no image below it has, build times, and start to healthy."""

    name: str
    unique_bytes: int
    cold_s: float = 0.0
    warm_s: float = 0.0
    healthy_s: float | None = None


def _seconds(one: Machine, command: str) -> float:
    started = time.monotonic()
    one.run(command, timeout_s=_TIMEOUT_S)
    return round(time.monotonic() - started, 1)


def _sizes(one: Machine) -> dict[str, int]:
    """Size in bytes of every image by its names."""
    said = one.run("xnai-podman images --format json").stdout
    return {name: image["Size"] for image in json.loads(said) for name in image["Names"] or ()}


def _build(one: Machine, settings: Settings, item: BuildInput) -> float:
    return _seconds(one, f"sh /var/lib/xnai/{settings.stack_name}/build/{item.name}.sh --again")


def _start(one: Machine, container: str) -> float:
    """Seconds from `podman start` of a stopped container to its first passing health check."""
    one.run(f"xnai-podman stop --time 30 {container}", timeout_s=60)
    return _seconds(
        one,
        f"xnai-podman start {container} && until xnai-podman healthcheck run {container}; "
        "do sleep 0.2; done",
    )


def measure(one: Machine, settings: Settings, progress: Progress) -> list[str]:
    """Build every image anew with empty and with filled caches, and start what runs on it.

    Args:
        one: a provisioned machine; its stack stays as it is.
        settings: its settings.
        progress: where each step is told.
    """
    inputs = build_inputs(settings)
    sizes = _sizes(one)
    measured = {
        item.name: Measured(
            item.name, sizes[item.reference] - sizes.get(item.parent, 0)
            if item.parent.startswith("localhost/") else sizes[item.reference],
        )
        for item in inputs
    }
    stack_user_id = one.run(f"id -u {settings.stack_user}").stdout.strip()
    caches = " ".join(
        f"/var/tmp/buildah-cache-{stack_user_id}/{name}"  # noqa: S108
        for name in cache_directories(settings.stack_name).values()
    )
    one.run(f"xnai-podman unshare rm -rf {caches}")
    for item in inputs:
        measured[item.name].cold_s = _build(one, settings, item)
        measured[item.name].warm_s = _build(one, settings, item)
        progress.say(f"{item.name}: {measured[item.name]}")
    # The scripts gave the names to new images; what lost its name goes, unless it runs.
    label = f"label=io.xnai.stack={settings.stack_name}"
    one.run(f"xnai-podman image prune --force --filter {label}", timeout_s=300)
    for service in services(settings):
        if service.build:
            measured[service.build].healthy_s = _start(one, service.container_name)
            progress.say(f"{service.name}: healthy after {measured[service.build].healthy_s} s")
    lines = ["Images", f"  {'image':<26} {'unique':>9}  {'cold':>7}  {'warm':>7}  start to healthy"]
    for entry in measured.values():
        healthy = "-" if entry.healthy_s is None else f"{entry.healthy_s:.1f} s"
        lines.append(
            f"  {entry.name:<26} {entry.unique_bytes / 1e6:>6.1f} MB  {entry.cold_s:>5.1f} s  "
            f"{entry.warm_s:>5.1f} s  {healthy}"
        )
    counted = sum(
        entry.unique_bytes for entry in measured.values() if entry.name not in _MODEL | _TOOLS
    )
    lines.append(
        f"  the base and what runs, without model and server: {counted / 1e6:.0f} MB; "
        f"goal under {GOAL_MIB} MB"
    )
    pairs.keep("images", list(measured.values()), lines, counted_bytes=counted)
    return lines
