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

P = ParamSpec("P")


def failing_operation(
    function: Callable[P, Generator[Any, None, None]],
) -> PyinfraOperation[P]:
    """Decorate an operation that raises OperationError: it fails its own host, and only that.

    pyinfra lets an exception of an operation's generator end the run of every host. A command
    that prints the reason and fails is what it knows how to count, show and contain.
    """

    @wraps(function)
    def contained(*args: P.args, **kwargs: P.kwargs) -> Generator[Any, None, None]:
        try:
            yield from function(*args, **kwargs)
        except OperationError as error:
            yield StringCommand(f"printf '%s\\n' {shlex.quote(str(error))} >&2; exit 1")

    decorated = operation()(contained)
    # The undecorated function stays reachable, as pyinfra's own operations offer it.
    decorated._inner = function
    return decorated
