"""New secrets for a stack that runs: replaced, its containers made anew, or all as it was."""

from __future__ import annotations

import hashlib
import io
import shlex
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

from pyinfra.api.command import FileUploadCommand, StringCommand
from pyinfra.api.exceptions import OperationError
from pyinfra.context import ctx_host, ctx_state

from xnai.catalogue import Service
from xnai.operations import generation, stack
from xnai.operations.guard import failing_operation, one_at_a_time
from xnai.operations.healthy import Containers
from xnai.pyinfra_ext import run_within
from xnai.rotation.bundle import bundle
from xnai.rotation.spec import Spec
from xnai.stack_plan import StackPlan


@dataclass(frozen=True)
class Stack:
    """The stack whose containers are made anew.

    Attributes:
        plan: as it should be; its compose files are on the host.
        directory: of the compose files, absolute.
        read: reads its containers anew, after the health check of the one named.
        timeout_s: how long each service may take until it is healthy, in seconds.
        absent_files: names of the compose files of parts that are switched off.
    """

    plan: StackPlan
    directory: str
    read: Callable[[str], Containers]
    timeout_s: int
    absent_files: Sequence[str]

    def bring_up(self, services: Sequence[Service]) -> Generator[str, None, None]:
        """Make containers anew as the stack's own step does."""
        found: Generator[str, None, None] = stack.bring_up._inner(
            plan=self.plan, directory=self.directory, recreate=services, read=self.read,
            timeout_s=self.timeout_s, previous={}, absent_files=self.absent_files,
        )
        return found


@failing_operation
def rotate(
    spec: Spec,
    home: str,
    of: Stack,
    recreate: Sequence[Service],
    differing: Callable[[], Sequence[Service]],
) -> Generator[StringCommand | FileUploadCommand | str, None, None]:
    """Replace secrets and make anew what reads them; on failure the old secrets are in force.

    Args:
        spec: what the program on the host is told.
        home: directory of root's on the host, for the program and its marker.
        of: the stack.
        recreate: the services that read them or depend on one that does, in dependency order.
        differing: reads the store anew and returns the services whose containers are not as they
            should be, in dependency order.

    Raises:
        OperationError: the secrets were not rotated; with what came of going back.
    """
    packed = bundle(spec)
    # A name of its own: a killed run's program may still be at work.
    file = f"{home}/rotate-{hashlib.sha256(packed).hexdigest()[:16]}.pyz"
    quoted = shlex.quote(home)
    yield (
        f"[ -e {quoted} ] || install -d -m 0700 -o root -g root {quoted}; "
        f"find {quoted} -maxdepth 1 -name '*.pyz' -mmin +600 -delete"
    )
    yield FileUploadCommand(io.BytesIO(packed), file)
    finish = f"rm -f {shlex.join((spec.kept, spec.marker, file))}"
    if not ctx_state.get().is_executing:
        yield _program(file, "replace")
        yield from of.bring_up(recreate)
    else:
        # Not yielded: a command that fails would end the operation, and nothing would go back.
        try:
            if spec.settled:
                # What is healthy is what a bring-up that fails must not replace.
                files = [one.name for one in of.plan.files.values()]
                generation.run(generation.keep(of.directory, files), "keeping this generation")
            _act(file, "replace")
            if refused := _anew(spec, file, of, recreate, going_back=False):
                raise OperationError(refused)
        except OperationError as error:
            came_of_it = _go_back(spec, file, of, differing, finish)
            raise OperationError(f"{error}\n  {came_of_it}") from error
    yield finish


def _anew(
    spec: Spec, file: str, of: Stack, services: Sequence[Service], going_back: bool
) -> str:
    """Make containers anew with the secrets that there are now, and the role's password too.

    Returns:
        Why the role's password could not be set, or an empty text. Going back, the services come
        up all the same: it may never have been changed, and who logs in with it says so.

    Raises:
        OperationError: a service does not get healthy.
    """
    # The role's password can only be set while the database runs, and must be before others ask.
    first = [one for one in services if spec.database and one.name == spec.database.service]
    if first:
        # All at once: what depends on the database is in the way of removing it.
        names = [service.container_name for service in reversed(services)]
        generation.run(generation.remove(names), "removing the containers")
    _bring_up(of, first)
    refused = ""
    if spec.database:
        try:
            _act(file, "role")
        except OperationError as error:
            refused = str(error)
            if not going_back:
                return refused
    _bring_up(of, [service for service in services if service not in first])
    return refused


def _bring_up(of: Stack, services: Sequence[Service]) -> None:
    if services:
        for command in of.bring_up(services):
            generation.run(command, "bringing the services up")


def _go_back(
    spec: Spec, file: str, of: Stack, differing: Callable[[], Sequence[Service]], finish: str
) -> str:
    """Let the old secrets be in force again; return in words what came of it."""
    began, _ = run_within(f"test -e {shlex.quote(spec.marker)}")
    if not began:
        run_within(finish)
        return "Nothing was changed."
    ctx_host.get().log("going back to the old secrets")
    try:
        _act(file, "back")
        again = list(differing())
        refused = _anew(spec, file, of, again, going_back=True)
        generation.run(finish, "removing the old values")
    except OperationError as error:
        return (
            f"going back to the old secrets failed as well: {error}\n  Remove the cause, then run "
            "tasks/rotate_secrets.py again: it makes all secrets anew."
        )
    names = ", ".join(service.container_name for service in again) or "no container"
    role = f" The database role's password was not set: {refused}" if refused else ""
    return f"The old secrets are in force again; made anew with them and healthy: {names}.{role}"


def _act(file: str, action: str) -> None:
    """Run the program on the host and show what it tells.

    Raises:
        OperationError: it failed; with its last lines.
    """
    succeeded, output = run_within(_program(file, action))
    for line in output.stdout_lines:
        ctx_host.get().log(line)
    if not succeeded:
        raise OperationError(
            "\n    ".join([f"the secrets ({action}):", *output.stderr_lines[-8:]])
        )


def _program(file: str, action: str) -> str:
    return one_at_a_time(f"umask 077; exec python3 -I -B {shlex.quote(file)} {action}")
