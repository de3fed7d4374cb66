"""Waiting for a container, and what is said when it does not get healthy."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from operation_runs import on_a_host
from pyinfra.api.exceptions import OperationError
from unit_containers import as_wanted
from unit_settings import make

from xnai.facts.oom import OomKill
from xnai.facts.podman import Container
from xnai.operations import healthy
from xnai.stack.catalogue import services

UP = as_wanted(services(make())[0])


def but(**changes: object) -> dict[str, Container]:
    """The containers of which only Redis exists, with `changes`."""
    return {"xnai_redis": dataclasses.replace(UP, **changes)}


def wait(read, timeout_s: int = 180) -> None:
    healthy.wait_until_healthy(read, "xnai_redis", "", timeout_s)


@pytest.fixture(autouse=True)
def _a_clock_of_its_own(monkeypatch):
    """A second passes at every look at the clock; nobody sleeps."""
    clock = itertools.count(0, 1)
    monkeypatch.setattr(healthy.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(healthy.time, "monotonic", lambda: next(clock))


def test_says_its_state_now_and_then():
    starting = but(health="starting")
    queue = [{}, {}, {}, {}, but(state="created", health=""), *[starting] * 9]
    with on_a_host() as host:
        wait(lambda name, url: queue.pop(0) if queue else but())
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
        (but(state="exited", health="", exit_code=137), "exited, exit code 137, restarted 0 times"),
    ],
)
def test_not_healthy_in_time(found, said):
    with on_a_host() as host, pytest.raises(OperationError) as failure:
        host.stdout = ["one", "Can't open /data/dump.rdb"]
        wait(lambda name, url: found, timeout_s=10)
    assert str(failure.value) == (
        f"xnai_redis is not healthy after 10 s (at most 10 s: stack_healthy_timeout_s): {said}\n"
        "  last words of its health check:\n    one\n    Can't open /data/dump.rdb\n"
        "  last lines of xnai_redis (xnai-podman logs xnai_redis):\n"
        "    one\n    Can't open /data/dump.rdb"
    )
    check, logs = host.commands
    assert check.startswith("/usr/local/bin/xnai-podman container inspect --format ")
    assert ".State.Health" in check and " xnai_redis " in check
    assert logs == "/usr/local/bin/xnai-podman logs --tail 8 xnai_redis 2>&1"


@pytest.mark.parametrize(
    "found",
    [{"health": "starting"}, {"health": "unhealthy"},
     {"state": "exited", "health": "", "exit_code": 1}],
)
@pytest.mark.parametrize("before", [0, 1, 6])
def test_what_restarts_again_and_again_is_not_waited_for(found, before):
    queue = [but(**found, restarts=before + number) for number in range(9)]
    with on_a_host(), pytest.raises(OperationError, match="not healthy after 6 s"):
        wait(lambda name, url: queue.pop(0))
    # Five more than when the waiting began.
    assert queue[0]["xnai_redis"].restarts == before + 6


def test_restarts_of_before_are_no_reason_to_give_up():
    # As after a boot, or while the database was away.
    queue = [but(state="exited", health="", exit_code=1, restarts=6)] * 4
    queue += [but(health="starting", restarts=7)] * 3 + [but(restarts=7)]
    with on_a_host():
        wait(lambda name, url: queue.pop(0))
    assert queue == []


def test_what_is_healthy_and_does_not_answer_yet_is_waited_for():
    asked = []
    queue = [but(answers=False)] * 9 + [but(answers=True)]
    with on_a_host() as host:
        healthy.wait_until_healthy(
            lambda *what: asked.append(what) or queue.pop(0), "xnai_redis", "http://a/", 180
        )
    assert queue == []
    assert asked == [("xnai_redis", "http://a/")] * 10
    assert host.logged[-1].endswith("healthy, does not answer yet, restarted 0 times")


def test_what_was_unhealthy_for_a_while_is_waited_for():
    queue = [but(health="unhealthy")] * 50 + [but()]
    with on_a_host() as host:
        wait(lambda name, url: queue.pop(0))
    assert queue == []
    assert host.logged[-1].endswith("unhealthy, restarted 0 times")
    assert host.commands == []


def test_what_is_up_is_asked_for_once():
    # However often it was restarted before.
    queue = [but(restarts=9)]
    with on_a_host() as host:
        wait(lambda name, url: queue.pop(0))
    assert (host.logged, host.commands) == ([], [])


@pytest.mark.parametrize(("limit", "why"), [
    ("own", "the kernel (redis): it went past its own memory limit"),
    ("above", "the kernel (redis): a control group above it was at its limit (/user.slice)"),
    ("machine", "the kernel (redis): the whole machine was out of memory"),
    ("guard", "systemd-oomd (redis): systemd-oomd did it /user.slice"),
])
def test_what_was_killed_while_podman_restarted_it_is_told(limit, why):
    kills = (
        OomKill("T", "0" * 64, limit, "somebody"),
        OomKill("T", UP.id, limit, "redis-server"),
        OomKill("T", UP.id, limit, "redis", "/user.slice"),
    )
    with on_a_host() as host, pytest.raises(OperationError) as failure:
        host.facts = [kills]
        wait(lambda name, url: but(health="starting", restarts=5))
    assert f"; killed 2 times since it was made, last at T by {why}\n" in str(failure.value)
