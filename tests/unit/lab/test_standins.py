"""What the stand-ins are made of, and what their images say."""

from __future__ import annotations

import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from xnai.lab.standins import build, definitions, program
from xnai.lab.standins.definitions import (
    ALL,
    POSTGRES,
    POSTGRES_BEFORE,
    PYTHON,
    REDIS,
    REDIS_BEFORE,
    VIKUNJA,
    StandIn,
)


def test_all_are_served_under_the_names_of_the_images_they_stand_for() -> None:
    assert [(one.reference, one.suite) for one in ALL] == [
        ("library/python:3.13-slim", "trixie"),
        ("library/redis:8.0", "trixie"),
        ("library/redis:7.0", "bookworm"),
        ("library/postgres:17", "trixie"),
        ("library/postgres:15", "bookworm"),
        ("vikunja/vikunja:contract", "trixie"),
    ]


@pytest.mark.parametrize("standin", ALL, ids=lambda one: one.reference)
def test_each_says_what_it_is(standin: StandIn) -> None:
    labels = build.config(standin)["Labels"]
    assert labels["xnai.lab.stand-in"] == "true"
    lacks = "none of that image's functions" if standin.program else "is not that image"
    assert lacks in labels["org.opencontainers.image.description"]


def test_recipes_differ_and_follow_the_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [build.recipe(one) for one in ALL]
    assert len(set(before)) == len(ALL)
    shutil.copytree(definitions.SCRIPTS, tmp_path / "copy")
    monkeypatch.setattr(definitions, "SCRIPTS", tmp_path / "copy")
    # Another checkout of the same files is the same recipe.
    assert [build.recipe(one) for one in ALL] == before
    (tmp_path / "copy" / "redis-entrypoint.sh").write_text("#!/bin/sh\n")
    changed = [one for one, old in zip(ALL, before, strict=True) if build.recipe(one) != old]
    assert changed == [REDIS, REDIS_BEFORE]
    (tmp_path / "copy" / "vikunja-contract.go").write_text("package main\n")
    assert build.recipe(VIKUNJA) != before[-1]


def test_a_field_that_is_not_given_is_no_part_of_the_recipe() -> None:
    assert set(PYTHON.given()) == {"repository", "tag", "suite", "packages", "hooks", "config"}


def test_a_script_becomes_the_entry_point() -> None:
    assert "Entrypoint" not in build.config(PYTHON)
    assert build.hooks(PYTHON) == PYTHON.hooks
    assert build.config(REDIS)["Entrypoint"] == ["docker-entrypoint.sh"]
    assert build.hooks(REDIS)[-2:] == (
        f'upload "{REDIS.script}" /usr/local/bin/docker-entrypoint.sh',
        'chmod 755 "$1/usr/local/bin/docker-entrypoint.sh"',
    )


def test_versions_of_one_image_differ_in_tag_suite_and_package_alone() -> None:
    assert replace(REDIS, tag="7.0", suite="bookworm") == REDIS_BEFORE
    as_before = repr(POSTGRES).replace("17", "15").replace("trixie", "bookworm")
    # The mode 1777 is no version.
    assert as_before.replace("1577", "1777") == repr(POSTGRES_BEFORE)


def test_postgres_keeps_the_contract_of_the_official_image() -> None:
    config = build.config(POSTGRES)
    assert config["StopSignal"] == "SIGINT"
    assert config["Volumes"] == {"/var/lib/postgresql/data": {}}
    assert "PGDATA=/var/lib/postgresql/data" in config["Env"]
    # As root: the entry point gives rights up by itself.
    assert "User" not in config


def test_a_program_is_alone_in_its_image(tmp_path: Path) -> None:
    tar = program.pack(b"ELF", VIKUNJA.place, tmp_path / "one.tar", epoch=1)
    with tarfile.open(tar) as archive:
        found = [(entry.name, oct(entry.mode), entry.uid) for entry in archive]
    assert found == [
        ("app", "0o755", 0),
        ("app/vikunja", "0o755", 0),
        ("tmp", "0o1777", 0),
        ("app/vikunja/vikunja", "0o755", 0),
    ]
    again = program.pack(b"ELF", VIKUNJA.place, tmp_path / "two.tar", epoch=1)
    assert again.read_bytes() == tar.read_bytes()


def test_a_program_is_built_from_debians_packages_alone() -> None:
    words = program.compile_command(VIKUNJA, Path("/w/program"))
    assert "--include=golang-go,golang-github-lib-pq-dev" in words
    assert "/dev/null" in words
    assert any("GO111MODULE=off" in word and "CGO_ENABLED=0" in word for word in words)
    assert words[words.index("trixie") - 1].endswith("download /build/program \"/w/program\"")


def test_the_contract_of_vikunja() -> None:
    config = build.config(VIKUNJA)
    assert (config["User"], config["WorkingDir"]) == ("1000", "/app/vikunja")
    assert config["Entrypoint"] == ["/app/vikunja/vikunja"]
    # Its tag is no version of Vikunja, and it has no shell.
    assert VIKUNJA.tag == "contract"
    assert VIKUNJA.script is None
