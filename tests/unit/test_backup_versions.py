"""Which programs may be given which data."""

from __future__ import annotations

import pytest

from xnai.programs.backup.versions import misfits as misfits_of
from xnai.programs.backup.versions import of_reference, version


def misfits(archive, machine, dumped=False):
    return misfits_of(archive, machine, "vikunja_db", dumped)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("Redis server v=8.0.2 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", "8.0.2"),
        ("postgres (PostgreSQL) 17.6 (Debian 17.6-1.pgdg13+1)", "17.6"),
        ("postgres (PostgreSQL) 18beta1", "18"),
        ("", ""),
    ],
)
def test_what_a_program_says_of_itself(said, found):
    assert version(said) == found


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("docker.io/vikunja/vikunja:2.5.0", "2.5.0"),
        ("docker.io/vikunja/vikunja:v2.5.0@sha256:" + "0" * 64, "2.5.0"),
        ("docker.io/vikunja/vikunja:contract", ""),
        ("localhost:5000/x", ""),
    ],
)
def test_what_a_tag_says(reference, found):
    assert of_reference(reference) == found


@pytest.mark.parametrize(
    ("archive", "machine"),
    [
        ({"redis": "8.0.2"}, {"redis": "8.0.1"}),
        ({"redis": "8.0.2"}, {"redis": "8.2.0"}),
        ({"redis": "7.4.9"}, {"redis": "10.0.0"}),
        ({"vikunja_db": "17.6"}, {"vikunja_db": "17.2"}),
        ({"vikunja": "2.5.0"}, {"vikunja": ""}),
        ({"vikunja": ""}, {"vikunja": "2.5.0"}),
        ({"vikunja": "2.5.0"}, {}),
    ],
)
def test_what_fits(archive, machine):
    assert misfits(archive, machine) == []


@pytest.mark.parametrize(
    ("service", "wrote", "reads", "said"),
    [
        ("redis", "8.2.1", "8.0.9", "set redis_image to 8.2.1 or newer, run deploy.py"),
        ("redis", "8.0.2", "7.0.15", "this machine has the older 7.0.15"),
        ("vikunja", "2.5.0", "2.4.9", "set vikunja_image to 2.5.0 or newer"),
        ("vikunja_db", "17.6", "15.13", "set vikunja_db_image to one of PostgreSQL 17, run"),
        ("vikunja_db", "17.6", "18.0", "the database is of PostgreSQL 17.6, and this machine has"),
    ],
)
def test_what_does_not_fit(service, wrote, reads, said):
    (found,) = misfits({service: wrote}, {service: reads})
    assert said in found


def test_a_dump_goes_into_a_newer_postgresql_and_no_older_one():
    assert misfits({"vikunja_db": "15.13"}, {"vikunja_db": "17.6"}, dumped=True) == []
    assert len(misfits({"vikunja_db": "17.6"}, {"vikunja_db": "15.13"}, dumped=True)) == 1
    assert len(misfits({"vikunja_db": "15.13"}, {"vikunja_db": "17.6"})) == 1


def test_all_at_once():
    wrote, reads = {"redis": "8.0", "vikunja_db": "17"}, {"redis": "7", "vikunja_db": "16"}
    assert len(misfits(wrote, reads)) == 2
