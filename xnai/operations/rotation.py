"""New secrets for a stack that runs: replaced, its containers recreated, or all as it was."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence

from pyinfra.api.exceptions import OperationError
from pyinfra.context import ctx_host, ctx_state

from xnai.operations import generation
from xnai.operations.guard import failing_operation
from xnai.operations.program import Commands, Program
from xnai.operations.stack import Stack
from xnai.programs.rotation.bundle import bundle
from xnai.programs.rotation.spec import RotationSpec
from xnai.run.pyinfra import run_within
from xnai.stack.model import Service


@failing_operation
def rotate(
    spec: RotationSpec,
    home: str,
    of: Stack,
    recreate: Sequence[Service],
    differing: Callable[[], Sequence[Service]],
) -> Commands:
    """Replace secrets and recreate what reads them; on failure the old secrets are in force.

    Args:
        spec: what the program on the host is told.
        home: directory of root's on the host, for the program and its marker.
        of: the stack.
        recreate: the services that read them or depend on one that does, in dependency order.
        differing: reads the store anew and returns the services whose containers are not as they
            should be, in dependency order.

    Raises:
        OperationError: the secrets were not rotated; with what came of going back. Or they
            were, and the sessions with Vikunja could not be ended.
    """
    program = Program(bundle(spec), "rotate", home)
    refused = ""
    yield from program.send()
    finish = f"rm -f {shlex.join((spec.kept, spec.marker, program.file))}"
    if not ctx_state.get().is_executing:
        yield program.command("replace")
        yield from of.bring_up(recreate)
        if spec.sessions_of:
            yield program.command("sessions")
    else:
        # Not yielded: a command that fails would end the operation, and nothing would go back.
        try:
            if spec.settled:
                # What is healthy is what a bring-up that fails must not replace.
                files = [one.name for one in of.plan.files.values()]
                generation.run(generation.keep(of.directory, files), "keeping this generation")
            _act(program, "replace")
            if refused := _anew(spec, program, of, recreate, going_back=False):
                raise OperationError(refused)
        except OperationError as error:
            came_of_it = _go_back(spec, program, of, differing, finish)
            raise OperationError(f"{error}\n  {came_of_it}") from error
        if spec.sessions_of:
            # No reason to go back: the new secrets are in force.
            try:
                program.act("sessions", "ending the sessions with Vikunja")
            except OperationError as error:
                refused = str(error)
    yield finish
    if refused:
        raise OperationError(
            f"{refused}\n  The secrets are new all the same. Remove the cause, then run this again."
        )


def _anew(
    spec: RotationSpec, program: Program, of: Stack, services: Sequence[Service], going_back: bool
) -> str:
    """Recreate containers with the secrets that there are now, and the role's password too.

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
            _act(program, "role")
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
    spec: RotationSpec, program: Program, of: Stack,
    differing: Callable[[], Sequence[Service]], finish: str,
) -> str:
    """Let the old secrets be in force again; return in words what came of it."""
    began, _ = run_within(f"test -e {shlex.quote(spec.marker)}")
    if not began:
        run_within(finish)
        return "Nothing was changed."
    ctx_host.get().log("going back to the old secrets")
    try:
        _act(program, "back")
        again = list(differing())
        refused = _anew(spec, program, of, again, going_back=True)
        generation.run(finish, "removing the old values")
    except OperationError as error:
        return (
            f"going back to the old secrets failed as well: {error}\n  Remove the cause, then run "
            "tasks/rotate_secrets.py again: it makes all secrets anew."
        )
    names = ", ".join(service.container_name for service in again) or "no container"
    role = f" The database role's password was not set: {refused}" if refused else ""
    return f"The old secrets are in force again; recreated with them and healthy: {names}.{role}"


def _act(program: Program, action: str) -> None:
    program.act(action, f"the secrets ({action})")
