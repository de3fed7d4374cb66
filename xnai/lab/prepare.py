"""What a machine needs before it can be made, built at the same time; and what took how long."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from xnai.lab import checks, deps, image, paths, registry
from xnai.lab.backends.choose import choose
from xnai.lab.progress import Progress
from xnai.lab.spec import MachineSpec, load_json, save_json
from xnai.lab.standins.definitions import StandIn

LAST = "durations.json"


@dataclass
class Timings:
    """Seconds of each part of a run.

    Attributes:
        parts_s: seconds by part, in the order in which they ended.
    """

    parts_s: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def of(self, part: str) -> Iterator[None]:
        """Measure one part.

        Args:
            part: its name.
        """
        started = time.monotonic()
        try:
            yield
        finally:
            self.parts_s[part] = round(time.monotonic() - started, 1)

    def critical_path(self, at_once: Sequence[str], then: Sequence[str]) -> str:
        """What a run's length is made of, where nothing shorter would have helped.

        Args:
            at_once: parts that ran at the same time, before the others.
            then: parts that ran one after the other.

        Returns:
            One line: the longest of those at once, then the others.
        """
        ran = [part for part in at_once if part in self.parts_s]
        longest = max(ran, key=lambda part: self.parts_s[part], default=None)
        path = ([longest] if longest else []) + [part for part in then if part in self.parts_s]
        return " -> ".join(f"{part} {self.parts_s[part]:.0f} s" for part in path)


def remembered(kind: str) -> float | None:
    """How long a run of this kind took the last time.

    Args:
        kind: such as ``first``.

    Returns:
        Seconds; None where there was none.
    """
    data = load_json(paths.cache_dir() / LAST) or {}
    return data.get(kind)


def remember(kind: str, seconds: float) -> None:
    """Keep how long a run took, for the next one's announcement.

    Args:
        kind: such as ``first``.
        seconds: its length.
    """
    data = load_json(paths.cache_dir() / LAST) or {}
    save_json(paths.cache_dir() / LAST, {**data, kind: round(seconds, 1)})


def prepare(
    spec: MachineSpec,
    standins: Sequence[StandIn],
    progress: Progress,
    timings: Timings,
    *,
    refresh: bool = False,
) -> str:
    """Bring kernel, image and stand-ins into the cache, and start the registry.

    Args:
        spec: the machine that shall be made.
        standins: what the registry shall have.
        progress: where the steps are told.
        timings: where the parts' seconds are put.
        refresh: take what is new in Debian by now.

    Returns:
        The name of the backend chosen.

    Raises:
        LabError: the host lacks something, or a build failed.
    """
    backend = choose(spec.backend, progress)
    deps.require(backend)
    checks.disk(checks.free_mib(paths.cache_dir()), checks.DISK_MIB, paths.cache_dir())

    def kernel() -> None:
        with timings.of("kernel"):
            backend.build(progress, spec.kernel, refresh=refresh)

    def rest() -> None:
        with timings.of("image and stand-ins"):
            image.ensure(
                spec.release, progress, with_kernel=backend.needs_kernel_on_disk, refresh=refresh
            )
            registry.up(progress, standins, refresh=refresh)

    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(kernel), pool.submit(rest)]
        for job in jobs:
            job.result()
    return backend.name
