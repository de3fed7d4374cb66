"""What the stand-ins are made of, and what their images say."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from xnai.lab.standins import build, definitions
from xnai.lab.standins.definitions import (
    ALL,
    POSTGRES,
    POSTGRES_BEFORE,
    PYTHON,
    REDIS,
    REDIS_BEFORE,
    StandIn,
)


def test_all_are_served_under_the_names_of_the_images_they_stand_for() -> None:
    assert [(one.reference, one.suite) for one in ALL] == [
        ("library/python:3.13-slim", "trixie"),
        ("library/redis:8.0", "trixie"),
        ("library/redis:7.0", "bookworm"),
        ("library/postgres:17", "trixie"),
        ("library/postgres:15", "bookworm"),
    ]


@pytest.mark.parametrize("standin", ALL, ids=lambda one: one.reference)
def test_each_says_what_it_is(standin: StandIn) -> None:
    labels = build.config(standin)["Labels"]
    assert labels["xnai.lab.stand-in"] == "true"
    assert "not that image" in labels["org.opencontainers.image.description"]


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
