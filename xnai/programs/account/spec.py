"""What the program on the host is told; the password is not in it."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from xnai.programs.backup.spec import Database


@dataclass(frozen=True)
class AccountSpec:
    """One account.

    Attributes:
        podman: the program that is Podman as the stack's user.
        container: Vikunja's.
        program: Vikunja's own, in that container.
        database: where accounts are.
        database_container: of the database.
        name: of the account.
        email: its address.
        limit_s: how long Vikunja's program may take, in seconds.
    """

    podman: str
    container: str
    program: str
    database: Database
    database_container: str
    name: str
    email: str
    limit_s: int

    def text(self) -> str:
        """Return it as JSON."""
        return json.dumps(dataclasses.asdict(self))


def parse(text: str) -> AccountSpec:
    """Return what AccountSpec.text() wrote."""
    values: dict[str, Any] = json.loads(text)
    return AccountSpec(**(values | {"database": Database(**values["database"])}))
