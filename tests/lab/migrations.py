"""What the lab's stand-in for Vikunja has noted: never two processes that migrate at once."""

from __future__ import annotations

# ruff: noqa: S608  (no input: fixed text)
from xnai.lab.machine import Machine

# Through the server's own socket: nothing but PostgreSQL itself is needed.
SQL = (
    "xnai-podman exec xnai_vikunja_db psql --no-psqlrc -qtAX -v ON_ERROR_STOP=1 "
    "-h /run/postgresql -U vikunja -c"
)
_NOTED = f"""
{SQL} "select 'beside ' || command from stand_in_overlap"
{SQL} "select count(*), count(distinct id) from migration"
{SQL} "select count(*) from information_schema.tables
    where table_schema = 'public' and table_name not like 'xnai%'"
"""
# Ten migrations, each once; five tables of theirs and two of notes, without what tests put there.
WHOLE = ["10|10", "7"]


def migrated_alone(machine: Machine) -> None:
    """Fail where two processes migrated at once since the database was made, or it is not whole."""
    found = machine.run(_NOTED).stdout.split("\n")
    assert [line for line in found if line] == WHOLE, found
