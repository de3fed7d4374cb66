"""Making an archive of the stack's data on the host, and restoring one."""

from __future__ import annotations

import hashlib
import io
import shlex
from collections.abc import Callable, Generator, Sequence

from pyinfra.api.command import FileUploadCommand, StringCommand
from pyinfra.api.exceptions import OperationError
from pyinfra.api.operation import operation
from pyinfra.context import ctx_state

from xnai.backup.bundle import bundle
from xnai.backup.host import CHANGED
from xnai.backup.spec import Spec
from xnai.operations import stack
from xnai.operations.guard import failing_operation, one_at_a_time
from xnai.operations.healthy import Containers
from xnai.pyinfra_ext import LiveCommand, run_within
from xnai.stack_plan import StackPlan

_Commands = Generator[StringCommand | FileUploadCommand | str, None, None]


@operation()
def make(spec: Spec, home: str) -> _Commands:
    """Make an archive of the running stack; it always does something.

    Args:
        spec: what the program on the host is told.
        home: directory of root's on the host, for the program.
    """
    yield from _program(spec, home)


@failing_operation
def restore(
    spec: Spec,
    home: str,
    plan: StackPlan,
    directory: str,
    read: Callable[[str], Containers],
    absent_files: Sequence[str],
) -> _Commands:
    """Restore an archive; where it brought other secrets, make the containers anew with them.

    Args:
        spec: what the program on the host is told.
        home: directory of root's on the host, for the program.
        plan: the stack; its compose files are on the host.
        directory: of the compose files, absolute.
        read: reads the stack's containers anew, after the health check of the one named.
        absent_files: names of the compose files of parts that are switched off.

    Raises:
        OperationError: the data are restored, and a service is not healthy with them.
    """
    yield from _program(spec, home)
    if not ctx_state.get().is_executing:
        return
    marker = shlex.quote(f"{spec.directory}/{CHANGED}")
    changed, _ = run_within(f"cat {marker}")
    if changed:
        try:
            yield from stack.bring_up._inner(
                plan=plan, directory=directory, recreate=list(plan.services), read=read,
                timeout_s=spec.timeout_s, previous={}, absent_files=absent_files,
            )
        except OperationError as error:
            raise OperationError(
                f"the archive's data and secrets are in place, but: {error}\n  What was there "
                f"before is in {spec.directory}/*-before-restore.*, to be restored like any other."
            ) from error
        yield f"rm -f {marker}"


def _program(spec: Spec, home: str) -> _Commands:
    packed = bundle(spec)
    # A name of its own: a killed run's program may still be at work.
    file = f"{home}/{spec.action}-{hashlib.sha256(packed).hexdigest()[:16]}.pyz"
    directories = shlex.join(dict.fromkeys((home, spec.directory)))
    yield (
        f"for d in {directories}; do [ -e \"$d\" ] || install -d -m 0700 -o root -g root \"$d\" || "
        f"exit 1; done; find {shlex.quote(home)} -maxdepth 1 -name '*.pyz' -mmin +600 -delete"
    )
    yield FileUploadCommand(io.BytesIO(packed), file)
    quoted = shlex.quote(file)
    yield LiveCommand(
        one_at_a_time(f"umask 077; python3 -I -B {quoted}; e=$?; rm -f {quoted}; exit $e")
    )
