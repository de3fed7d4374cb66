"""The password of the database's role, changed inside a database that is initialised."""

from __future__ import annotations

from xnai.backup.podman import Failed, Podman
from xnai.backup.spec import Database


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
    podman.run(
        "exec", "--interactive", container,
        # Through the container's own socket, where the image trusts its user. Terse: an error
        # must not show the statement.
        "psql", "--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1",
        "--set=VERBOSITY=terse", f"--username={database.user}", f"--dbname={database.name}",
        doing="setting the database role's password",
        # Nor must the server's log, should it fail.
        stdin=(
            "SET log_min_error_statement = panic; SET log_statement = 'none';\n"
            f"ALTER ROLE \"{role}\" PASSWORD '{text}';\n"
        ).encode(),
    )
