"""The password of the database's role, changed inside a database that is initialised."""

from __future__ import annotations

from xnai.programs.backup.podman import Podman
from xnai.programs.backup.process import Failed
from xnai.programs.backup.psql import statements
from xnai.programs.backup.spec import Database


def set_password(podman: Podman, container: str, database: Database) -> None:
    """Make the role's password what the services' secret says, whatever the data say.

    Args:
        podman: the stack user's.
        container: of the database; it runs.
        database: what is in it.

    Raises:
        Failed: there is no such secret, or the database refuses.
    """
    value = podman.secrets([database.secret]).get(database.secret)
    if value is None:
        raise Failed(f"there is no secret {database.secret}: run deploy.py, then this again")
    role = database.user.replace('"', '""')
    text = value.replace("'", "''")
    # The server's log must not show the statement, should it fail; nor must an error (terse).
    statement = (
        "SET log_min_error_statement = panic; SET log_statement = 'none';\n"
        f"ALTER ROLE \"{role}\" PASSWORD '{text}';\n"
    )
    statements(
        podman, container, database, statement.encode(), "--set=VERBOSITY=terse",
        doing="setting the database role's password",
    )
