"""Which change of PostgreSQL's version is refused, and what is said then."""

from __future__ import annotations

import pytest

from xnai.programs.rollback.majors import of_references, refusal

OLD, NEW = "docker.io/library/postgres:15", "docker.io/library/postgres:17"
NAMES = ["xnai_vikunja", "xnai_vikunja_db"]


def refused(wrote: str, reads: str) -> str:
    return refusal("vikunja_db", wrote, reads, OLD, NEW, NAMES, "xnai_vikunja_db_data")


@pytest.mark.parametrize(
    ("references", "found"),
    [
        ([NEW], "17"),
        (["docker.io/library/postgres:17.6-bookworm"], "17"),
        (["docker.io/library/postgres:17-alpine@sha256:" + "0" * 64], "17"),
        (["docker.io/library/postgres:17", "docker.io/library/postgres:17.6"], "17"),
        (["docker.io/library/postgres:17", "docker.io/library/postgres:18"], ""),
        (["docker.io/library/postgres:trixie"], ""),
        (["docker.io/library/postgres@sha256:" + "0" * 64], ""),
        (["localhost:5000/postgres"], ""),
        ([], ""),
    ],
)
def test_what_tags_say(references, found):
    assert of_references(references) == found


@pytest.mark.parametrize(("wrote", "reads"), [("17", "17"), ("", "17"), ("17", "")])
def test_what_is_the_same_or_unknown_is_not_refused(wrote, reads):
    assert refused(wrote, reads) == ""


def test_a_newer_one_is_refused_with_the_commands_in_their_order():
    said = refused("15", "17")
    steps = [
        "Nothing was changed.", f"tasks/backup.py --data vikunja_db_image={OLD}\n",
        "sudo xnai-podman rm --force xnai_vikunja xnai_vikunja_db && "
        "sudo xnai-podman volume rm xnai_vikunja_db_data\n",
        "pyinfra inventory.py deploy.py\n", "tasks/restore.py --data restore_from=ARCHIVE\n",
    ]
    assert [said.index(step) for step in steps] == sorted(said.index(step) for step in steps)


def test_an_older_one_is_refused_for_good():
    said = refused("17", "15")
    assert "no way back to an older major version" in said and "rm --force" not in said
