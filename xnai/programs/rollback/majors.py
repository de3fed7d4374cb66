"""Another major version of PostgreSQL: its files are not read, in neither direction."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def of_references(references: Iterable[str]) -> str:
    """Return the major version that an image's tags name; empty if they name none, or several."""
    names = (reference.partition("@")[0].rpartition("/")[2] for reference in references)
    tags = (name.partition(":")[2] for name in names)
    found = {match[0] for tag in tags if (match := re.match(r"\d+(?![\w])", tag))}
    return found.pop() if len(found) == 1 else ""


def refusal(
    service: str, wrote: str, reads: str, before: str, wanted: str,
    containers: Sequence[str], volume: str,
) -> str:
    """Return why a database is not given another major version, and what to do; else nothing.

    Args:
        service: the database's.
        wrote: major version of its files, or empty where it could not be told.
        reads: major version of the image that would read them, or empty.
        before: reference of the image that it runs.
        wanted: reference of the other one.
        containers: the database's and those that depend on it, these first.
        volume: with its files.
    """
    if not wrote or not reads or wrote == reads:
        return ""
    what = (
        f"{service}_image = {wanted}: PostgreSQL {reads} does not read what PostgreSQL {wrote} "
        f"has written ({volume}). Nothing was changed."
    )
    if int(reads) < int(wrote):
        return (
            f"{what} There is no way back to an older major version, neither for the files nor "
            f"for a dump: set {service}_image to one of PostgreSQL {wrote}, as {before} is."
        )
    return (
        f"{what} Dump and restore, in this order:\n"
        f"  pyinfra inventory.py tasks/backup.py --data {service}_image={before}\n"
        "    (copy its archive away, as it says: the next command removes the old files)\n"
        f"  sudo xnai-podman rm --force {' '.join(containers)} && "
        f"sudo xnai-podman volume rm {volume}\n"
        "    (on the machine)\n"
        "  pyinfra inventory.py deploy.py\n"
        "  pyinfra inventory.py tasks/restore.py --data restore_from=ARCHIVE\n"
        "    (the path that the first one printed; what was written since then is then in the "
        "archive *-before-restore)"
    )
