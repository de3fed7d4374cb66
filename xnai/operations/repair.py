"""Safe remedies: nothing here deletes data, widens permissions or publishes a port."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Generator, Mapping, Sequence

from pyinfra.api.exceptions import OperationError
from pyinfra.api.operation import operation
from pyinfra.context import ctx_state

from xnai.facts.podman_call import XNAI_PODMAN
from xnai.operations import generation
from xnai.operations.guard import failing_operation, one_at_a_time
from xnai.operations.healthy import Read, wait_until_healthy
from xnai.operations.program import Commands, Program
from xnai.operations.stack import network_commands
from xnai.programs.role.bundle import bundle
from xnai.stack.model import Service
from xnai.stack.paths import good_directory


@operation()
def volume_owner(path: str, owner: str, save: str) -> Generator[str, None, None]:
    """Give what is in a volume and belongs to others to the service's user, inside the namespace.

    Args:
        path: of the volume's directory on the host.
        owner: uid:gid inside containers.
        save: name of a Redis container that saves afterwards, or empty.
    """
    uid, _, gid = owner.partition(":")
    finds = (
        f'find "$1" -xdev "(" ! -uid {int(uid)} -o ! -gid {int(gid)} ")" '
        f"-exec chown -h {int(uid)}:{int(gid)} {{}} +"
    )
    yield one_at_a_time(
        f"{XNAI_PODMAN} unshare sh -c {shlex.quote(finds)} sh {shlex.quote(path)}"
    )
    if save:
        # It refuses to answer until a save succeeds, and would try only when more was written.
        asks = "REDISCLI_AUTH=$(cat /run/secrets/redis_password) redis-cli bgsave"
        running = f"{XNAI_PODMAN} ps --quiet --filter name=^{shlex.quote(save)}$"
        yield one_at_a_time(
            f'[ -z "$({running})" ] || {XNAI_PODMAN} exec {shlex.quote(save)} sh -c '
            f"{shlex.quote(asks)}"
        )


@failing_operation
def recreate(
    directory: str, texts: Mapping[str, str], containers: Sequence[str], read: Read,
    timeout_s: int,
) -> Generator[str, None, None]:
    """Recreate containers from the last healthy generation, each healthy before the next.

    Args:
        directory: of the compose files, absolute.
        texts: name -> text of the last healthy generation's files.
        containers: in dependency order.
        read: reads the stack's containers anew.
        timeout_s: how long each may take until it is healthy, in seconds.

    Raises:
        OperationError: one does not start or get healthy, or that generation has none of them.
    """
    entries = [
        entry for name, text in texts.items() for entry in generation.entries(name, text)
        if entry.container in containers
    ]
    if not entries:
        raise OperationError(
            f"no healthy generation in {good_directory(directory)} has {', '.join(containers)}: "
            "pyinfra inventory.py deploy.py"
        )
    ordered = sorted(entries, key=lambda one: list(containers).index(one.container))
    yield generation.remove([one.container for one in ordered[::-1]])
    for entry in ordered:
        yield generation.up(entry, directory)
        if ctx_state.get().is_executing:
            wait_until_healthy(read, entry.container, entry.ready_url, timeout_s)


@operation()
def files(directory: str, names: Sequence[str]) -> Generator[str, None, None]:
    """Put the last healthy generation's compose files in place.

    Args:
        directory: of the compose files, absolute.
        names: of every compose file that there can be.
    """
    yield generation.put_back(directory, names)


@operation()
def networks(stack_name: str, wanted: Mapping[str, bool]) -> Generator[str, None, None]:
    """Make the networks that are not there.

    Args:
        stack_name: whose, for the label.
        wanted: name -> whether it is without a way out.
    """
    yield from map(one_at_a_time, network_commands(stack_name, wanted))


@operation()
def restart(containers: Sequence[str]) -> Generator[str, None, None]:
    """Restart containers as they are.

    Args:
        containers: names.
    """
    yield one_at_a_time(f"{XNAI_PODMAN} restart {shlex.join(containers)} >/dev/null")


@operation()
def reload_networks(containers: Sequence[str]) -> Generator[str, None, None]:
    """Set up the networks of running containers anew, and with them their name server.

    Args:
        containers: names.
    """
    yield one_at_a_time(f"{XNAI_PODMAN} network reload {shlex.join(containers)} >/dev/null")


@operation()
def role_password(database: Service, home: str) -> Commands:
    """Make the password of the database's role what its secret says.

    Args:
        database: of the stack; its container runs.
        home: directory of root's on the host, for the program.
    """
    program = Program(bundle(database), "role-password", home)
    yield from program.send()
    yield program.once()


@operation()
def image_space(stack_name: str) -> Generator[str, None, None]:
    """Remove images of this stack that nothing uses and nothing names.

    Args:
        stack_name: whose.
    """
    label = shlex.quote(f"label=io.xnai.stack={stack_name}")
    yield one_at_a_time(f"{XNAI_PODMAN} image prune --force --filter {label} >/dev/null")


@failing_operation
def verified(check: Callable[[], None]) -> Generator[str, None, None]:
    """Look again when everything before was executed; changes nothing.

    Args:
        check: raises OperationError where something is still wrong.
    """
    if ctx_state.get().is_executing:
        check()
    yield from ()
