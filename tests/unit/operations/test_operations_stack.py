"""Bringing containers up, one healthy before the next, and what is said when one is not."""

from __future__ import annotations

import dataclasses
import itertools
import subprocess

import pytest
import rendering
from operation_runs import commands, on_a_host
from pyinfra.api.exceptions import OperationError
from unit_containers import as_wanted
from unit_settings import make

from xnai.facts.podman import Container
from xnai.operations import stack
from xnai.operations.guard import LOCK, one_at_a_time

DIRECTORY = "/var/lib/xnai/xnai/stack"
PLAN = rendering.stack(make())
SERVICES = [s for s in PLAN.services if s.name in ("redis", "rag_api")]
UP = as_wanted(SERVICES[0])
VOLUMES = (
    ("xnai_redis_data", 999), ("xnai_rag_index", 10001), ("xnai_library", 10001),
    ("xnai_vikunja_db_data", 999), ("xnai_vikunja_files", 1000),
)


def but(**changes: object) -> dict[str, Container]:
    """The containers of which only Redis exists, with `changes`."""
    return {"xnai_redis": dataclasses.replace(UP, **changes)}


def bring_up(read, recreate=SERVICES, timeout_s: int = 180, previous=None) -> list[str]:
    return commands(
        stack.bring_up, plan=PLAN, directory=DIRECTORY, recreate=list(recreate),
        read=read, timeout_s=timeout_s, previous=previous or {},
    )


@pytest.fixture(autouse=True)
def _a_clock_of_its_own(monkeypatch):
    """A second passes at every look at the clock; nobody sleeps."""
    clock = itertools.count(0, 1)
    monkeypatch.setattr(stack.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(stack.time, "monotonic", lambda: next(clock))


def test_the_plan():
    with on_a_host(executing=False):
        found = bring_up(lambda name: pytest.fail("read"))
    compose = (
        "timeout --kill-after=10 900 /usr/local/bin/xnai-podman compose -p xnai "
        f"-f {DIRECTORY}/docker-compose.yml"
    )
    up = "up --detach --no-build --no-deps"
    label = "--ignore --label=io.xnai.stack=xnai"
    network = f"/usr/local/bin/xnai-podman network create {label}"
    volume = f"/usr/local/bin/xnai-podman volume create {label} --opt"
    assert found == [
        one_at_a_time(
            "/usr/local/bin/xnai-podman rm --force --ignore --time 30 xnai_rag_api xnai_redis"
        ),
        one_at_a_time(" && ".join([
            f"{network} xnai >/dev/null", f"{network} --internal xnai_data >/dev/null",
            *(f"{volume}=o=uid={owner},gid={owner} {name} >/dev/null" for name, owner in VOLUMES),
        ])),
        one_at_a_time(
            f"{compose} '--podman-run-args=--memory-swap=384m --oom-score-adj=0' {up} redis"
        ),
        one_at_a_time(
            f"{compose} '--podman-run-args=--memory-swap=768m --oom-score-adj=300' {up} rag_api"
        ),
    ]


def test_a_part_of_its_own_is_a_project_of_its_own():
    vikunja = next(s for s in PLAN.services if s.name == "vikunja")
    found = stack.up(PLAN.files[vikunja.part], DIRECTORY, vikunja)
    assert f"-p xnai_vikunja -f {DIRECTORY}/docker-compose.vikunja.yml " in found
    assert found.endswith("--no-deps vikunja")


def test_no_volume_is_ever_removed():
    with on_a_host(executing=False):
        for command in bring_up(lambda name: {}):
            words = command.split()
            assert "-v" not in words and "--volumes" not in words and "down" not in words
            assert "volume rm" not in command and "volume prune" not in command


def test_each_is_healthy_before_the_next_is_started():
    answers = {"xnai_redis": [{}, but(health="starting"), but()], "xnai_rag_api": []}
    seen = []

    def read(name):
        seen.append(name)
        queue = answers[name]
        return queue.pop(0) if queue else {name: dataclasses.replace(UP, name=name)}

    with on_a_host():
        generator = stack.bring_up._inner(PLAN, DIRECTORY, list(SERVICES), read, 180, {})
        assert " rm " in next(generator)
        assert " network create " in next(generator)
        assert " --no-deps redis" in next(generator)
        assert seen == []
        assert " --no-deps rag_api" in next(generator)
        assert seen == ["xnai_redis"] * 3
        assert list(generator) == []
    assert seen == ["xnai_redis"] * 3 + ["xnai_rag_api"]


def test_says_its_state_now_and_then():
    starting = but(health="starting")
    queue = [{}, {}, {}, {}, but(state="created", health=""), *[starting] * 9]
    with on_a_host() as host:
        bring_up(lambda name: queue.pop(0) if queue else but(), SERVICES[:1])
    assert all(line.startswith("waiting for xnai_redis (") for line in host.logged)
    assert 3 <= len(host.logged) <= 7
    assert host.logged[-1].endswith("starting, restarted 0 times")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({}, "absent, or podman does not answer"),
        (but(health="starting"), "starting, restarted 0 times"),
        (but(health="unhealthy"), "unhealthy, restarted 0 times"),
        (but(health="unhealthy", restarts=4), "unhealthy, restarted 4 times"),
        (but(state="exited", health="", exit_code=137), "exited, exit code 137"),
    ],
)
def test_not_healthy_in_time(found, said):
    with on_a_host() as host, pytest.raises(OperationError) as failure:
        host.stdout = ["one", "Can't open /data/dump.rdb"]
        bring_up(lambda name: found, SERVICES[:1], timeout_s=10)
    assert str(failure.value) == (
        f"xnai_redis is not healthy after 10 s (at most 10 s: stack_healthy_timeout_s): {said}\n"
        "  last lines of xnai_redis (xnai-podman logs xnai_redis):\n"
        "    one\n    Can't open /data/dump.rdb"
    )
    assert host.commands == ["/usr/local/bin/xnai-podman logs --tail 8 xnai_redis 2>&1"]


@pytest.mark.parametrize(
    "found",
    [
        but(health="starting", restarts=5),
        but(health="unhealthy", restarts=6),
        but(state="exited", health="", exit_code=1, restarts=5),
    ],
)
def test_what_restarts_again_and_again_is_not_waited_for(found):
    with on_a_host(), pytest.raises(OperationError, match="not healthy after 1 s"):
        bring_up(lambda name: found, SERVICES[:1])


def test_what_was_unhealthy_for_a_while_is_waited_for():
    queue = [but(health="unhealthy")] * 50 + [but()]
    with on_a_host() as host:
        stack.wait_until_healthy(lambda name: queue.pop(0), "xnai_redis", 180)
    assert queue == []
    assert host.logged[-1].endswith("unhealthy, restarted 0 times")
    assert host.commands == []


def test_what_is_up_is_asked_for_once():
    # However often it was restarted before.
    queue = [but(restarts=9)]
    with on_a_host() as host:
        stack.wait_until_healthy(lambda name: queue.pop(0), "xnai_redis", 180)
    assert (host.logged, host.commands) == ([], [])


def test_an_image_that_a_container_leaves_keeps_a_name():
    with on_a_host(executing=False):
        found = bring_up(
            lambda name: pytest.fail("read"), SERVICES[1:],
            previous={"localhost/xnai_rag_api:previous": "0123abcd"},
        )
    assert found[0] == one_at_a_time(
        "/usr/local/bin/xnai-podman tag 0123abcd localhost/xnai_rag_api:previous"
    )
    assert "rm --force" in found[1]


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_remove_keeps_own_images_under_a_name_and_volumes(tmp_path, shell):
    program = tmp_path / "podman"
    program.write_text(
        '#!/bin/sh\necho "$@" >> "$0.calls"\ncase "$*" in *Image*xnai_llm) '
        'echo localhost/xnai_llm:0123 sha-1 ;; *Image*xnai_redis) echo docker.io/redis:8 sha-2 ;; '
        "*Image*) exit 125 ;; esac\n"
    )
    program.chmod(0o755)
    with on_a_host(executing=False):
        found = commands(stack.remove, names=["xnai_llm", "xnai_redis", "xnai_gone"])
    for command in found:
        text = command.replace("/usr/local/bin/xnai-podman", str(program))
        text = text.replace(LOCK, str(tmp_path / "lock"))
        subprocess.run([shell, "-c", text], check=True)
    calls = (tmp_path / "podman.calls").read_text().splitlines()
    assert [call for call in calls if not call.startswith("container inspect")] == [
        "tag sha-1 localhost/xnai_llm:previous",
        "rm --force --ignore --time 30 xnai_llm xnai_redis xnai_gone",
    ]
