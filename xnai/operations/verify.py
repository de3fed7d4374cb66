"""The end of a run: the table, the deferred changes, and whether all is well."""

from __future__ import annotations

from collections.abc import Callable, Generator

from pyinfra.context import ctx_state

from xnai.operations.guard import failing_operation


@failing_operation
def report(show: Callable[[], None]) -> Generator[str, None, None]:
    """Show the result when everything before it was executed; changes nothing.

    Args:
        show: reads the state, prints it, and raises OperationError where something is wrong.
    """
    if ctx_state.get().is_executing:
        show()
    yield from ()
