"""The program that sets the role's password; root runs it on the host."""

from __future__ import annotations

import json
import os
from typing import Any

from xnai.programs.backup.ending import fail_on_signals, report
from xnai.programs.backup.podman import Podman
from xnai.programs.backup.process import Failed, tell
from xnai.programs.backup.role import set_password
from xnai.programs.backup.spec import Database


def main(text: str) -> int:
    """Set the password through the socket in the database's container; return the exit code.

    Args:
        text: JSON with podman, container and database.
    """
    os.umask(0o077)
    fail_on_signals()
    told: dict[str, Any] = json.loads(text)
    database = Database(**told["database"])
    try:
        set_password(Podman(told["podman"]), told["container"], database)
    except Failed as failed:
        report(failed)
        return 1
    tell(f"the role {database.user} has the password of the secret {database.secret}")
    return 0
