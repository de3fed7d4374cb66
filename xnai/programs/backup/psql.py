"""Statements for the database, by the psql in its container. Runs on the host."""

from __future__ import annotations

from xnai.programs.backup.podman import Podman
from xnai.programs.backup.spec import Database


def statements(
    podman: Podman, container: str, database: Database, text: bytes, *options: str, doing: str
) -> str:
    """Let the database run statements, and return what psql prints.

    Through the container's own socket, where the image trusts its user.

    Args:
        podman: the stack user's.
        container: of the database; it runs.
        database: what is in it.
        text: the statements; they go by standard input, and are in no process list.
        options: further ones of psql's.
        doing: what it is for, for the error.

    Raises:
        Failed: the database refuses one of them.
    """
    return podman.run(
        "exec", "--interactive", container,
        "psql", "--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1", *options,
        f"--username={database.user}", f"--dbname={database.name}", doing=doing, stdin=text,
    )
