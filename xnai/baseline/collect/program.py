"""A whole measurement on the host: phases, samples, and a line a sample for whoever watches."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from xnai.baseline.collect import stack
from xnai.baseline.collect.load import Load
from xnai.programs.sampler import readings

_EVERY_S = 1.0
# Podman takes a second or more to answer.
_ASK_PODMAN_EVERY_S = 5.0
_TELL_EVERY_S = 5.0
# The clock was set where it and the uptime differ by more between two samples.
_JUMP_S = 2.0


class NotMeasured(Exception):
    """Nothing was measured; the text says why."""


class Measurement:
    """One run.

    Attributes:
        file: where samples are written, a line each.
    """

    def __init__(self, spec: Mapping[str, Any], file: Any, say: Callable[[str], None]) -> None:
        """Make it.

        Args:
            spec: as xnai.baseline.bundle makes it.
            file: for samples.
            say: for a line that a person reads.
        """
        self._spec, self._file, self._say = spec, file, say
        self._groups: dict[str, str] = {}
        self._started: dict[str, str] = {}
        self._asked_s = self._told_s = float("-inf")
        self._clock_s: float | None = None
        self._zero_s = time.monotonic()

    def event(self, what: str, **more: object) -> None:
        """Keep something that happened; a phase is told at its begin."""
        if what == "phase":
            self._told_s = float("-inf")
        self._write({"event": what, **more})

    def _write(self, one: dict[str, object]) -> None:
        at = time.monotonic() - self._zero_s
        self._file.write(json.dumps({"t_s": round(at, 3), "clock_s": time.time(), **one}) + "\n")
        self._file.flush()

    def containers(self) -> stack.RunningContainers | None:
        """Ask Podman, and keep which were started anew."""
        found = stack.containers(self._spec["containers"])
        self._asked_s = time.monotonic()
        if found is None:
            return None
        for name, when in found.started.items():
            if self._started.get(name, when) != when:
                self.event("restarted", container=name)
        self._started |= found.started
        self._groups = found.groups
        return found

    def sample(self, phase: str, tell: str = "") -> None:
        """Take one, and tell it now and then."""
        clock = time.time() - time.monotonic()
        if self._clock_s is not None and abs(clock - self._clock_s) > _JUMP_S:
            self.event("clock", jumped_s=round(clock - self._clock_s, 1))
        self._clock_s = clock
        read = readings.machine()
        groups = readings.containers(self._groups)
        if None in groups.values() or time.monotonic() - self._asked_s > 60:
            self.containers()
        self._write({"phase": phase, **read, "containers": groups})
        if time.monotonic() - self._told_s >= _TELL_EVERY_S:
            self._told_s = time.monotonic()
            self._say(f"{phase}: {tell}{_in_words(read)}")

    def phase(self, phase: str, for_s: float) -> None:
        """Sample for a while."""
        self.event("phase", phase=phase)
        end = time.monotonic() + for_s
        while (now := time.monotonic()) < end:
            self.sample(phase, f"{end - now:.0f} s left, ")
            time.sleep(max(0.0, min(_EVERY_S, end - now)))

    def from_a_start(self) -> None:
        """The stack started anew: a minute, then until all are healthy."""
        spec = self._spec
        if not stack.restart(spec["stack_user"], spec["unit"]):
            raise NotMeasured(
                f"{spec['unit']} could not be started anew: systemctl --user says why"
            )
        self.event("phase", phase="cold start")
        begun = time.monotonic()
        phase = "cold start"
        while True:
            since = time.monotonic() - begun
            if since >= spec["cold_s"] and phase == "cold start":
                phase = "model initialisation"
                self.event("phase", phase=phase)
            well = self._are_well(begun)
            self.sample(phase, f"{since:.0f} s after the start, ")
            if well and since >= spec["cold_s"]:
                break
            if since > spec["start_limit_s"]:
                raise NotMeasured(f"not all containers are healthy {since:.0f} s after the start")
            time.sleep(_EVERY_S)

    def _are_well(self, begun: float) -> bool:
        """Whether all are healthy; what Podman said last, asked anew now and then."""
        if time.monotonic() - self._asked_s < _ASK_PODMAN_EVERY_S:
            return False
        found = self.containers()
        wanted = set(self._spec["containers"])
        is_well = found is not None and wanted <= {
            name for name, health in found.health.items() if health in ("healthy", "")
        }
        if is_well:
            self.event("healthy", after_s=round(time.monotonic() - begun, 1))
        return is_well

    def load(self) -> None:
        """Requests, sampled meanwhile."""
        spec = self._spec
        if not spec["requests"]:
            return
        self.event("phase", phase="load")
        load = Load(spec["url"], spec["requests"], secrets.token_hex(4), spec["request_limit_s"])
        load.start()
        told = 0
        while load.is_alive() or told < len(load.done):
            for one in load.done[told:]:
                self.event("request", **{
                    **one, "started_s": round(one["started_s"] - self._zero_s, 3),  # type: ignore[operator]
                })
                told += 1
            self.sample("load", f"{told} of {spec['requests']} requests, ")
            load.join(_EVERY_S)


def _in_words(read: Mapping[str, Any]) -> str:
    """What of a sample a person watches."""
    memory, device = read["meminfo"], read["zram"]

    def mib(value: int | None) -> str:
        return "not known" if value is None else f"{value >> 20} MiB"

    available, swap = memory["MemAvailable"], memory["SwapTotal"]
    used = None if swap is None or memory["SwapFree"] is None else swap - memory["SwapFree"]
    held = mib(device["mem_used_total"]) if device else "none"
    return f"available {mib(available)}, swap used {mib(used)}, zram holds {held}"


def at_work(root: Path = Path("/")) -> str:
    """Return who holds this machine at the moment, as a deploy does; or an empty text."""
    try:
        _, boot, end, who = (root / "run/xnai/lease").read_text().split(" ", 3)
        now = float((root / "proc/uptime").read_text().split()[0])
        mine = (root / "proc/sys/kernel/random/boot_id").read_text().strip()
    except (OSError, ValueError):
        return ""
    return who.strip() if boot == mine and end.isdigit() and int(end) > now else ""


def measure(spec: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Measure all phases into spec["file"], which must not be there yet.

    Raises:
        NotMeasured: another run is at work, or the stack is not up, or did not get up again.
    """
    if who := at_work():
        raise NotMeasured(f"a run is at work on this machine ({who}): wait for its end")
    path = Path(spec["file"])
    path.parent.mkdir(mode=0o700, exist_ok=True)
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(number, "w") as file:
        one = Measurement(spec, file, say)
        found = one.containers()
        if found is None:
            raise NotMeasured("Podman does not answer: sudo xnai-podman ps")
        health = {name: found.health.get(name, "absent") for name in spec["containers"]}
        ill = [f"{name} ({word})" for name, word in health.items() if word not in ("healthy", "")]
        if ill:
            raise NotMeasured(
                f"the stack is not up: {', '.join(ill)}; `xnai triage` says why, or: pyinfra "
                "inventory.py deploy.py"
            )
        one.event("machine", **about())
        if spec["cold"]:
            one.from_a_start()
        one.phase("steady state", spec["steady_s"])
        one.load()
        one.phase("recovery", spec["recovery_s"])
        one.event("end")


def about() -> dict[str, object]:
    """Return what is the same during all of it."""
    system = os.uname()
    swaps = (Path("/proc/swaps").read_text().splitlines() or [""])[1:]
    algorithm = Path("/sys/block/zram0/comp_algorithm")
    return {
        "kernel": system.release, "architecture": system.machine, "cpus": os.cpu_count(),
        "page_size": os.sysconf("SC_PAGE_SIZE"),
        "swaps": [line.split() for line in swaps],
        "zram_algorithm": algorithm.read_text().strip() if algorithm.exists() else None,
        "sysctl": {
            name: _sysctl(name) for name in (
                "vm.swappiness", "vm.page-cluster", "vm.watermark_boost_factor",
                "vm.watermark_scale_factor", "vm.vfs_cache_pressure", "vm.overcommit_memory",
            )
        },
    }


def _sysctl(name: str) -> str | None:
    try:
        return Path("/proc/sys", name.replace(".", "/")).read_text().strip()
    except OSError:
        return None


def main(spec: Mapping[str, Any]) -> int:
    """Measure; return the exit code."""
    try:
        measure(spec, lambda line: print(line, flush=True))
    except NotMeasured as refused:
        print(f"refused: {refused}", flush=True)
        return 3
    return 0
