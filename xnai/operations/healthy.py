"""Waiting until a container is healthy, and saying why it is not."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping

from pyinfra.api.exceptions import OperationError
from pyinfra.context import ctx_host

from xnai.facts.oom import OomKills
from xnai.facts.podman import Container
from xnai.facts.podman_call import XNAI_PODMAN
from xnai.run.pyinfra import run_within

Containers = Mapping[str, Container]

_POLL_S = 1.0
_TELL_EVERY_S = 3.0
# Podman restarts a container that exits at once; after so many while it is waited for, with all
# that it depends on healthy, it will not get better.
_MOST_RESTARTS = 5

# Reads the stack's containers anew, after the health check of the one named, and after its URL
# (or an empty text) was asked.
Read = Callable[[str, str], Containers]


def wait_until_healthy(read: Read, name: str, ready_url: str, timeout_s: int) -> None:
    """Poll until a container is up, saying its state every few seconds; changes nothing.

    Args:
        read: reads the stack's containers anew.
        name: the container; what it depends on is healthy.
        ready_url: what it answers once it serves, on its host; empty where its health check says
            so already.
        timeout_s: how long to wait, in seconds.

    Raises:
        OperationError: not healthy in time, or restarted again and again; with its last log
            lines.
    """
    host = ctx_host.get()
    started = time.monotonic()
    told_s = 0.0
    # Those of before were for want of what it depends on, as after a boot.
    before: int | None = None
    while True:
        container = read(name, ready_url).get(name)
        if container is not None and container.is_up:
            return
        elapsed_s = time.monotonic() - started
        state = _in_words(container)
        # "unhealthy" alone is no reason to give up: a large database takes its time to load.
        if container is not None and before is None:
            before = container.restarts
        hopeless = container is not None and container.restarts - (before or 0) >= _MOST_RESTARTS
        if hopeless or elapsed_s >= timeout_s:
            raise OperationError(
                f"{name} is not healthy after {elapsed_s:.0f} s (at most {timeout_s} s: "
                f"stack_healthy_timeout_s): {state}{_kills(container)}{_last_lines(name)}"
            )
        if elapsed_s - told_s >= _TELL_EVERY_S:
            host.log(f"waiting for {name} ({elapsed_s:.0f} s): {state}")
            told_s = elapsed_s
        time.sleep(_POLL_S)


def _in_words(container: Container | None) -> str:
    if container is None:
        return "absent, or podman does not answer"
    if container.state == "running":
        silent = ", does not answer yet" if container.answers is False else ""
        return f"{container.health}{silent}, restarted {container.restarts} times"
    return (
        f"{container.state}, exit code {container.exit_code}, restarted {container.restarts} times"
    )


def _kills(container: Container | None) -> str:
    """What the logs say of a container that was killed; Podman's State.OOMKilled is no proof."""
    found = ctx_host.get().get_fact(OomKills) or ()
    mine = [kill for kill in found if container and kill.container_id == container.id]
    if not mine:
        return ""
    last = mine[-1]
    return (
        f"; killed {len(mine)} times since it was made, last at {last.time} by {last.by} "
        f"({last.process}): {last.cause}"
    )


# What the runs of a health check said, the last one last.
_CHECK = (
    "--format '{{with .State.Health}}{{range .Log}}{{println .Output}}{{end}}{{end}}'"
)


def _last_lines(container: str) -> str:
    """The last words of a container's health check, and its last log lines, for an error's text."""
    name = shlex.quote(container)
    # A check that fails for its own reasons is told by its own words alone: the program serves.
    _, checked = run_within(
        f"{XNAI_PODMAN} container inspect {_CHECK} {name} 2>/dev/null | grep . | tail -n 3"
    )
    said = "\n    ".join(checked.stdout_lines)
    told = f"\n  last words of its health check:\n    {said}" if said else ""
    _, output = run_within(f"{XNAI_PODMAN} logs --tail 8 {name} 2>&1")
    lines = "\n    ".join(output.stdout_lines)
    return f"{told}\n  last lines of {container} (xnai-podman logs {container}):\n    {lines}"
