"""Making an archive of the stack's data on the host, and restoring one."""

from __future__ import annotations

import shlex

from pyinfra.api.exceptions import OperationError
from pyinfra.api.operation import operation
from pyinfra.context import ctx_state

from xnai.operations.guard import failing_operation
from xnai.operations.program import Commands, Program
from xnai.operations.stack import Stack
from xnai.programs.backup.bundle import bundle
from xnai.programs.backup.run import CHANGED
from xnai.programs.backup.spec import BackupSpec
from xnai.run.pyinfra import run_within


@operation()
def make(spec: BackupSpec, home: str) -> Commands:
    """Make an archive of the running stack; it always does something.

    Args:
        spec: what the program on the host is told.
        home: directory of root's on the host, for the program.
    """
    program = _program(spec, home)
    yield from program.send(spec.directory)
    yield program.once()


@failing_operation
def restore(spec: BackupSpec, home: str, of: Stack) -> Commands:
    """Restore an archive; where it brought other secrets, make the containers anew with them.

    Args:
        spec: what the program on the host is told.
        home: directory of root's on the host, for the program.
        of: the stack.

    Raises:
        OperationError: the data are restored, and a service is not healthy with them.
    """
    program = _program(spec, home)
    yield from program.send(spec.directory)
    yield program.once()
    if not ctx_state.get().is_executing:
        return
    marker = shlex.quote(f"{spec.directory}/{CHANGED}")
    changed, _ = run_within(f"cat {marker}")
    if changed:
        try:
            yield from of.bring_up(of.plan.services)
        except OperationError as error:
            raise OperationError(
                f"the archive's data and secrets are in place, but: {error}\n  What was there "
                f"before is in {spec.directory}/*-before-restore.*, to be restored like any other."
            ) from error
        yield f"rm -f {marker}"


def _program(spec: BackupSpec, home: str) -> Program:
    return Program(bundle(spec), spec.action, home)
