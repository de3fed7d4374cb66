"""Bringing the stack's containers up, and waiting until they are healthy."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Generator, Mapping, Sequence

from pyinfra.api.exceptions import OperationError
from pyinfra.api.operation import operation
from pyinfra.context import ctx_host, ctx_state

from xnai.catalogue import Service
from xnai.facts.podman import XNAI_PODMAN, Container
from xnai.operations.guard import failing_operation, one_at_a_time
from xnai.pyinfra_ext import run_within
from xnai.stack_plan import ComposeFile, StackPlan, run_arguments

Containers = Mapping[str, Container]

_POLL_S = 1.0
_TELL_EVERY_S = 3.0
# Podman restarts a container that exits at once; after so many it will not get better.
_MOST_RESTARTS = 5
# A pull of a registry image on a slow line is part of it.
_UP_TIMEOUT_S = 900


@failing_operation
def bring_up(
    plan: StackPlan,
    directory: str,
    recreate: Sequence[Service],
    read: Callable[[str], Containers],
    timeout_s: int,
    previous: Mapping[str, str],
) -> Generator[str, None, None]:
    """Make containers anew, in dependency order, each healthy before the next one starts.

    podman-compose itself would wait for ever on a dependency that never gets healthy, and its
    own comparison of configurations is not relied on: what must be recreated was decided from
    the host's state. Named volumes are never removed.

    Args:
        plan: the stack as it should be; its compose files are on the host by now.
        directory: of the compose files, absolute.
        recreate: the services in dependency order; their containers exist or not.
        read: reads the stack's containers anew, after the health check of the one named.
        timeout_s: how long each service may take until it is healthy, in seconds.
        previous: name -> ID of an image that a container leaves: it gets that name, to go back to.

    Raises:
        OperationError: a service is not healthy in time or restarts again and again; with its
            state and last log lines.
    """
    names = " ".join(shlex.quote(service.container_name) for service in reversed(recreate))
    for name, id_ in previous.items():
        yield one_at_a_time(f"{XNAI_PODMAN} tag {id_} {shlex.quote(name)}")
    yield one_at_a_time(f"{XNAI_PODMAN} rm --force --ignore --time 30 {names}")
    yield one_at_a_time(" && ".join(_shared(plan)))
    for service in recreate:
        yield one_at_a_time(up(plan.files[service.part], directory, service))
        if ctx_state.get().is_executing:
            wait_until_healthy(read, service.container_name, timeout_s)


def _shared(plan: StackPlan) -> list[str]:
    """Commands that make the networks and volumes that are not there, as the files expect them.

    Podman 5.4 gives an empty volume at a path that the image lacks to root again when its
    container is restarted, unless the volume was made with its owner.
    """
    label = f"--label=io.xnai.stack={plan.stack_name}"
    made = [
        ["network", "create", "--ignore", label, *(["--internal"] if is_internal else []), name]
        for name, is_internal in plan.networks.items()
    ]
    for name, owner in plan.volumes.items():
        uid, _, gid = owner.partition(":")
        words = ["volume", "create", "--ignore", label, f"--opt=o=uid={uid},gid={gid}", name]
        made.append(words)
    return [f"{XNAI_PODMAN} {shlex.join(words)} >/dev/null" for words in made]


def up(file: ComposeFile, directory: str, service: Service) -> str:
    """Return the command that makes and starts one service's container, and nothing else.

    Args:
        file: the compose file that it stands in.
        directory: of the compose files, absolute.
        service: which.
    """
    words = [
        "compose", "-p", file.project, "-f", f"{directory}/{file.name}",
        # One word: podman-compose splits it again.
        f"--podman-run-args={' '.join(run_arguments(service))}",
        "up", "--detach", "--no-build", "--no-deps", service.name,
    ]
    return f"timeout --kill-after=10 {_UP_TIMEOUT_S} {XNAI_PODMAN} {shlex.join(words)}"


@operation()
def remove(names: Sequence[str]) -> Generator[str, None, None]:
    """Stop and remove containers; their volumes stay, and own images keep the name `previous`.

    Args:
        names: of containers of the stack; at least one.
    """
    for name in names:
        found = f"{XNAI_PODMAN} container inspect --format '{{{{.ImageName}}}} {{{{.Image}}}}'"
        yield one_at_a_time(
            f"i=$({found} {shlex.quote(name)}) || exit 0; case $i in localhost/*) "
            f"{XNAI_PODMAN} tag \"${{i##* }}\" {shlex.quote(f'localhost/{name}:previous')} ;; esac"
        )
    quoted = " ".join(map(shlex.quote, names))
    yield one_at_a_time(f"{XNAI_PODMAN} rm --force --ignore --time 30 {quoted}")


def wait_until_healthy(read: Callable[[str], Containers], name: str, timeout_s: int) -> None:
    """Poll until a container is up, saying its state every few seconds; changes nothing.

    Args:
        read: reads the stack's containers anew, after the health check of the one named.
        name: the container.
        timeout_s: how long to wait, in seconds.

    Raises:
        OperationError: not healthy in time, or restarted again and again; with its last log
            lines.
    """
    host = ctx_host.get()
    started = time.monotonic()
    told_s = 0.0
    while True:
        container = read(name).get(name)
        if container is not None and container.is_up:
            return
        elapsed_s = time.monotonic() - started
        state = _in_words(container)
        # "unhealthy" alone is no reason to give up: a large database takes its time to load.
        hopeless = container is not None and container.restarts >= _MOST_RESTARTS
        if hopeless or elapsed_s >= timeout_s:
            raise OperationError(
                f"{name} is not healthy after {elapsed_s:.0f} s (at most {timeout_s} s: "
                f"stack_healthy_timeout_s): {state}{_last_lines(name)}"
            )
        if elapsed_s - told_s >= _TELL_EVERY_S:
            host.log(f"waiting for {name} ({elapsed_s:.0f} s): {state}")
            told_s = elapsed_s
        time.sleep(_POLL_S)


def _in_words(container: Container | None) -> str:
    if container is None:
        return "absent, or podman does not answer"
    if container.state == "running":
        return f"{container.health}, restarted {container.restarts} times"
    return f"{container.state}, exit code {container.exit_code}"


def _last_lines(container: str) -> str:
    """The last log lines of a container, for an error's text."""
    _, output = run_within(f"{XNAI_PODMAN} logs --tail 8 {shlex.quote(container)} 2>&1")
    lines = "\n    ".join(output.stdout_lines)
    return f"\n  last lines of {container} (xnai-podman logs {container}):\n    {lines}"
