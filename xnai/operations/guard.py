"""Operations that may find, while they run, that they cannot go on."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Generator
from functools import wraps
from typing import Any, ParamSpec

from pyinfra.api.arguments_typed import PyinfraOperation
from pyinfra.api.command import StringCommand
from pyinfra.api.exceptions import OperationError
from pyinfra.api.operation import operation

from xnai.remote.lease import WAIT_S
from xnai.remote.lease_code import LOCK, LOST, MADE

P = ParamSpec("P")



def one_at_a_time(command: str) -> str:
    """Return shell code that runs `command` while no other run's command is at work.

    A command goes on when the controller that started it is killed; the next run must not build
    or remove what it is still making. flock(1) closes the lock before the command starts (-o),
    so that what the command leaves running does not hold it.
    """
    taken = (
        f"a command of an earlier run still works on this machine after {WAIT_S} s "
        f"(lock {LOCK}): wait for it, then run this again"
    )
    return (
        f"{MADE}; flock -o -w {WAIT_S} -E {LOST} {LOCK} "
        f"sh -c {shlex.quote(command)} || {{ e=$?; "
        f"[ $e != {LOST} ] || echo {shlex.quote(taken)} >&2; exit $e; }}"
    )


def failing_operation(
    function: Callable[P, Generator[Any, None, None]],
) -> PyinfraOperation[P]:
    """Decorate an operation that may raise, OperationError above all: it fails its own host alone.

    pyinfra lets an exception of an operation's generator end the run of every host. A command
    that prints the reason and fails is what it knows how to count, show and contain.
    """

    @wraps(function)
    def contained(*args: P.args, **kwargs: P.kwargs) -> Generator[Any, None, None]:
        try:
            yield from function(*args, **kwargs)
        except OperationError as error:
            yield _fails(str(error))
        except Exception as error:
            # What a host says in a way that nobody foresaw is no reason to end the others' runs.
            yield _fails(f"unexpected, and a fault of xnai's: {type(error).__name__}: {error}")

    decorated = operation()(contained)
    # The undecorated function stays reachable, as pyinfra's own operations offer it.
    decorated._inner = function
    return decorated


def _fails(reason: str) -> StringCommand:
    return StringCommand(f"printf '%s\\n' {shlex.quote(reason)} >&2; exit 1")
