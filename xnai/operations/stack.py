"""Bringing the stack's containers up, and waiting until they are healthy."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator, Sequence

from pyinfra.api.exceptions import OperationError
from pyinfra.api.operation import operation
from pyinfra.context import ctx_host, ctx_state

from xnai.facts.podman import XNAI_PODMAN, PodmanUnknown, StackFacts

_POLL_S = 1.0
# Longer than any start period: podman-compose waits for ever on an unhealthy dependency.
_UP_TIMEOUT_S = 300


@operation()
def bring_up(stack_name: str, compose_file: str, recreate: Sequence[str]) -> Iterator[str]:
    """Remove the containers that must be made anew, then bring the whole project up.

    Named volumes are never removed. podman-compose's own comparison of configurations is not
    relied on: what must be recreated was decided from the host's state.

    Args:
        stack_name: the compose project.
        compose_file: absolute path on the host.
        recreate: container names in dependency order, existing or not.
    """
    if recreate:
        names = " ".join(shlex.quote(name) for name in reversed(recreate))
        yield f"{XNAI_PODMAN} rm --force --ignore --time 30 {names}"
    yield (
        f"timeout --kill-after=10 {_UP_TIMEOUT_S} {XNAI_PODMAN} compose "
        f"-p {shlex.quote(stack_name)} -f {shlex.quote(compose_file)} up --detach --no-build"
    )


@operation()
def wait_until_healthy(
    read: Callable[[], StackFacts], containers: Sequence[str], timeout_s: int
) -> Iterator[str]:
    """Wait until every container runs and is healthy; changes nothing.

    Args:
        read: reads the stack's state anew.
        containers: names that must be up.
        timeout_s: how long to wait, in seconds.

    Raises:
        OperationError: at the timeout, with each container's state and last log lines.
    """
    if ctx_state.get().is_executing:
        _wait(read, containers, timeout_s)
    yield from ()


def _wait(read: Callable[[], StackFacts], containers: Sequence[str], timeout_s: int) -> None:
    host = ctx_host.get()
    started = time.monotonic()
    told = ""
    while True:
        waiting = _not_up(read(), containers)
        elapsed_s = time.monotonic() - started
        if not waiting:
            return
        if elapsed_s >= timeout_s:
            raise OperationError(
                f"not healthy after {timeout_s} s (stack_healthy_timeout_s): "
                + "; ".join(f"{name}: {state}" for name, state in waiting.items())
                + "".join(_last_lines(name) for name in waiting)
            )
        now = ", ".join(f"{name} {state}" for name, state in waiting.items())
        if now != told:
            host.log(f"waiting ({elapsed_s:.0f} s): {now}")
            told = now
        time.sleep(_POLL_S)


def _not_up(facts: StackFacts, names: Sequence[str]) -> dict[str, str]:
    """Each container that is not up, with its state in words."""
    if isinstance(facts.containers, PodmanUnknown):
        return dict.fromkeys(names, "unknown: podman does not answer")
    waiting = {}
    for name in names:
        container = facts.containers.get(name)
        if container is None:
            waiting[name] = "absent"
        elif container.state != "running":
            waiting[name] = f"{container.state}, exit code {container.exit_code}"
        elif not container.is_up:
            waiting[name] = container.health
    return waiting


def _last_lines(container: str) -> str:
    """The last log lines of a container, for an error's text."""
    quoted = shlex.quote(container)
    _, output = ctx_host.get().run_shell_command(f"{XNAI_PODMAN} logs --tail 8 {quoted} 2>&1")
    lines = "\n    ".join(output.stdout_lines)
    return f"\n  last lines of {container} (xnai-podman logs {container}):\n    {lines}"
