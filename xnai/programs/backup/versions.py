"""Whether a machine's programs can read the data of an archive. Runs on the host."""

from __future__ import annotations

import re
from collections.abc import Mapping

_NUMBERS = re.compile(r"(?<![\w.])v?(\d+(?:\.\d+)*)")


def version(text: str) -> str:
    """Return the first version number in what a program says of itself, or an empty text."""
    found = _NUMBERS.search(text.replace("v=", " "))
    return found[1] if found else ""


def of_reference(reference: str) -> str:
    """Return the version that an image's tag names, or an empty text."""
    tag = reference.partition("@")[0].rpartition(":")[2]
    found = re.fullmatch(r"v?(\d+(?:\.\d+)+)", tag)
    return found[1] if found else ""


def misfits(
    archive: Mapping[str, str], machine: Mapping[str, str], database: str, dumped: bool = False
) -> list[str]:
    """Return a sentence for each program that cannot be given the archive's data.

    Args:
        archive: service -> version of the program that wrote the data.
        machine: the same of what would read it; services that are not there are left out.
        database: the service that is PostgreSQL, or empty.
        dumped: whether the database is there as a dump, which a newer PostgreSQL reads too.
    """
    found = []
    for service, wrote in archive.items():
        reads = machine.get(service)
        if reads is None or not wrote or not reads:
            continue
        if service == database:
            newer = _part(wrote, 1) < _part(reads, 1)
            if _part(wrote, 1) != _part(reads, 1) and not (dumped and newer):
                major = _part(wrote, 1)[0]
                found.append(
                    f"the database is of PostgreSQL {wrote}, and this machine has {reads}: set "
                    f"{service}_image to one of PostgreSQL {major}, run deploy.py, then this again"
                )
        elif _part(reads, 2) < _part(wrote, 2):
            found.append(
                f"the data of {service} are of version {wrote}, and this machine has the older "
                f"{reads}, which may not read them: set {service}_image to {wrote} or newer, run "
                "deploy.py, then this again"
            )
    return found


def _part(text: str, numbers: int) -> tuple[int, ...]:
    # A major alone (8) is before each of its minors.
    return tuple(int(number) for number in text.split(".")[:numbers])
