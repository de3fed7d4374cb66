"""Making an account of Vikunja's on a host."""

from __future__ import annotations

from collections.abc import Callable

from pyinfra.api.operation import operation

from xnai.operations.program import Commands, Program
from xnai.programs.account.bundle import bundle
from xnai.programs.account.spec import AccountSpec


@operation()
def create(spec: AccountSpec, home: str, password: Callable[[], str]) -> Commands:
    """Make an account, and fail where there is one of that name.

    Args:
        spec: what the program on the host is told.
        home: directory of root's on the host, for the program.
        password: returns the account's password; no argument holds it that pyinfra could show.
    """
    program = Program(bundle(spec), "vikunja-account", home)
    yield from program.send()
    yield program.once(password())
