"""What the real podman-compose does with our files, and what of it no path of ours may use.

The Podman below it writes down how it is called, and refuses what the test says. Source of the
traps: podman-compose 1.6.0 (podman_compose.py: compose_up, compose_down, compose_run).
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rendering import stack
from test_own_tree import SOURCE
from unit_settings import make

from xnai.operations.generation import entries, up_words

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden" / "workstation_16_gib" / "stack"
FILES = ("docker-compose.yml", "docker-compose.vikunja.yml")
COMPOSE = Path(sys.executable).parent / "podman-compose"
PODMAN = """#!/bin/sh
printf '%s\\n' "$(printf '%s\\037' "$@")" >> "$CALLS"
case " $* " in *" $REFUSED "*) [ -n "$REFUSED" ] && { echo "Error: refused" >&2; exit 125; };; esac
case "$*" in
*version*) echo "podman version 5.4.2";;
"ps "*json*) cat "$PS";;
"volume ls"*) printf 'example_data\\nexample_kept\\n';;
"volume inspect"*|"network exists"*|"volume exists"*) exit ${THERE:-0};;
esac
"""
# What changes something.
CHANGES = {
    "build", "create", "kill", "network create", "network rm", "pod create", "pod rm", "pull",
    "restart", "rm", "run", "start", "stop", "volume create", "volume rm",
}
OWN = """
name: example
services:
  one: {image: docker.io/library/redis:8.0, volumes: [data:/data]}
  two: {image: docker.io/library/redis:8.0, depends_on: [one]}
  tool: {image: docker.io/library/redis:8.0, profiles: [by-hand], volumes: [kept:/data]}
volumes: {data: {}, kept: {}}
"""


@pytest.fixture
def compose(tmp_path):
    """Run podman-compose; returns (exit code, calls that change something, standard error)."""
    (tmp_path / "podman").write_text(PODMAN)
    (tmp_path / "podman").chmod(0o755)
    (tmp_path / "docker-compose.yml").write_text(OWN)

    def run(*words, refused="", there=0, running=()):
        calls, listed = tmp_path / "calls", tmp_path / "ps.json"
        calls.write_text("")
        listed.write_text(json.dumps(list(running)))
        done = subprocess.run(
            [COMPOSE, *words], capture_output=True, text=True, check=False, cwd=tmp_path,
            env={**os.environ, "PATH": f"{tmp_path}:/usr/bin:/bin", "CALLS": str(calls),
                 "REFUSED": refused, "PS": str(listed), "THERE": str(there)},
        )
        found = [line.rstrip("\x1f").split("\x1f") for line in calls.read_text().splitlines()]
        changing = [words for words in found
                    if words and {words[0], " ".join(words[:2])} & CHANGES]
        return done.returncode, changing, done.stderr

    return run


def container(service, config_hash="another", project="example"):
    """A running container as `podman ps` lists it."""
    return {
        "Names": [f"{project}_{service}_1"], "State": "running", "Exited": False, "Id": service,
        "Labels": {
            "com.docker.compose.service": service, "io.podman.compose.project": project,
            "io.podman.compose.config-hash": config_hash,
        },
    }


OURS = [entry for name in FILES for entry in entries(name, (GOLDEN / name).read_text("utf-8"))]


# One with dependents, one with dependencies, one of the other file; a call takes a second.
CHOSEN = [entry for entry in OURS if entry.service in ("redis", "rag_api", "vikunja")]


@pytest.mark.parametrize("entry", CHOSEN, ids=lambda entry: entry.service)
def test_our_up_makes_that_container_and_touches_nothing_else(entry, compose):
    others = [
        container(one.service, project=entry.project) | {"Names": [one.container]}
        for one in OURS if one.project == entry.project and one.service != entry.service
    ]
    code, calls, said = compose(*up_words(entry, str(GOLDEN))[1:], running=others)
    assert code == 0, said
    assert [words[0] for words in calls] == ["create", "start"]
    create, start = calls
    assert f"--name={entry.container}" in create and start[-1] == entry.container
    assert set(entry.run_arguments) <= set(create)


def test_what_an_own_tree_asks_for_reaches_podman(compose, tmp_path):
    settings = make(service_sources={"crawler": SOURCE})
    (file,) = (file for part, file in stack(settings).files.items() if not part)
    (tmp_path / file.name).write_text(file.text)
    (entry,) = (one for one in entries(file.name, file.text) if one.service == "crawler")
    code, calls, said = compose(*up_words(entry, str(tmp_path))[1:])
    assert code == 0, said
    words = " ".join(calls[0])
    for expected in (
        "-w /app/app", "--cpus 1.5", "--tmpfs /app/.files", "--tmpfs /tmp:size=64m",
        "--secret xnai_redis_password,type=env,target=REDIS_PASSWORD",
        "source=xnai_crawler_cache,destination=/app/cache", "-v /srv/models:/models:ro",
        "alias=rag",
        "--health-interval 60s", "--health-timeout 10s", "--health-retries 5",
        "--health-start-period 120s", "--restart on-failure",
    ):
        assert expected in words, (expected, words)


def test_up_changes_dependents_of_what_changed(compose):
    """So a container of ours is removed before it is made again, and `up` finds none."""
    running = [container("one"), container("two")]
    _, calls, _ = compose("up", "--detach", "--no-deps", "one", running=running)
    touched = {words[-1] for words in calls if words[0] in ("stop", "rm")}
    assert {"example_one_1", "example_two_1"} <= touched


def test_a_container_of_that_name_that_is_not_ours_is_started_where_making_ours_failed(compose):
    """So what runs is judged by its labels, never by this exit code."""
    code, calls, said = compose("up", "--detach", "--no-deps", "one", refused="create")
    assert "refused" in said
    assert code == 0
    assert ["start", "example_one_1"] in [words[:2] for words in calls]


@pytest.mark.parametrize("command", ["stop", "start", "restart", "down"])
def test_a_command_that_podman_refused_ends_with_0(command, compose):
    refused = "rm" if command == "down" else command
    code, calls, _ = compose(command, refused=refused, running=[container("one")])
    assert any(words[0] == refused for words in calls)
    assert code == 0


def test_down_with_volumes_takes_those_of_a_profile_that_is_off(compose):
    _, calls, _ = compose("down", "--volumes", running=[container("one")])
    assert any(words[:2] == ["volume", "rm"] and "example_kept" in words for words in calls)


def test_a_dry_run_makes_volumes(compose):
    _, calls, _ = compose("--dry-run", "up", "--detach", there=1)
    assert any(words[:2] == ["volume", "create"] for words in calls)


def test_the_only_command_of_podman_compose_in_use_is_our_up():
    """None of the traps above is reached: nothing else of podman-compose is called anywhere."""
    found = []
    for path in sorted([*ROOT.glob("xnai/**/*.py"), *ROOT.glob("tasks/*.py")]):
        name = str(path.relative_to(ROOT))
        if name.startswith(("xnai/audit", "xnai/lab")):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            words = [getattr(one, "value", None) for one in getattr(node, "elts", ())]
            if words[:1] == ["compose"]:
                found.append((name, "up" in words))
    assert found == [("xnai/operations/generation.py", True)]
    for path in ROOT.glob("templates/**/*.j2"):
        called = re.findall(r"^[^#]*podman[- ]compose \w\S*", path.read_text(), re.MULTILINE)
        assert not called, path
