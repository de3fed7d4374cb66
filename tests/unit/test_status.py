"""The table at the end of a run."""

from __future__ import annotations

import dataclasses
import json

import pytest
from click.testing import CliRunner
from fact_fixtures import fact_classes, output
from unit_containers import MIB, as_wanted
from unit_settings import make

from xnai.cli import status as cli
from xnai.cli.command import main
from xnai.diagnostics.table import aligned
from xnai.facts.oom import OomKill
from xnai.facts.podman import Container
from xnai.facts.podman_call import PodmanUnknown
from xnai.facts.sampler import SamplerUnit
from xnai.run.inspect import Answer
from xnai.stack.catalogue import services
from xnai.stack.status import all_healthy, killed, rows, unpublished, unread_cgroups

SERVICES = [s for s in services(make()) if s.name in ("redis", "rag_api")]
UP = {service.container_name: as_wanted(service) for service in SERVICES}


def test_aligned_with_what_is_not_published():
    assert aligned(rows(SERVICES, UP)) == [
        "service  container     state    health   memory used/limit  url",
        "redis    xnai_redis    running  healthy  40 / 256 MiB       not published",
        "rag_api  xnai_rag_api  running  healthy  40 / 512 MiB       http://127.0.0.1:8000/ready",
    ]


def test_a_port_without_a_page():
    table = rows(services(make(redis_publish_loopback=True, redis_port=7000)), UP)
    assert table[0]["url"] == "127.0.0.1:7000"


@pytest.mark.parametrize(
    ("containers", "states", "healthy"),
    [
        (UP, ["running", "running"], True),
        (PodmanUnknown(), ["unknown", "unknown"], False),
        ({}, ["absent", "absent"], False),
        ({"xnai_redis": UP["xnai_redis"]}, ["running", "absent"], False),
        (UP | {"xnai_redis": dataclasses.replace(UP["xnai_redis"], health="unhealthy")},
         ["running", "running"], False),
        (UP | {"xnai_redis": dataclasses.replace(UP["xnai_redis"], state="exited", health="")},
         ["exited", "running"], False),
        (UP | {"xnai_redis": dataclasses.replace(UP["xnai_redis"], health="")},
         ["running", "running"], True),
    ],
)
def test_states(containers, states, healthy):
    assert [row["state"] for row in rows(SERVICES, containers)] == states
    assert all_healthy(SERVICES, containers) is healthy


def test_no_health_check_is_a_dash():
    table = rows(SERVICES, UP | {"xnai_redis": dataclasses.replace(UP["xnai_redis"], health="")})
    assert [row["health"] for row in table] == ["-", "healthy"]
    assert {row["health"] for row in rows(SERVICES, {})} == {"-"}


def but(cgroup: dict[str, object]) -> dict[str, Container]:
    """The containers, of which Redis' cgroup has changes."""
    redis = UP["xnai_redis"]
    assert redis.cgroup
    return UP | {
        "xnai_redis": dataclasses.replace(redis, cgroup=dataclasses.replace(redis.cgroup, **cgroup))
    }


def test_what_is_in_swap_is_told_and_what_does_not_run_has_no_figure():
    swapped = rows(SERVICES, but({"swap_current_bytes": 7 * MIB}))
    assert swapped[0]["memory used/limit"] == "40 + 7 in swap / 256 MiB"
    stopped = UP | {"xnai_redis": dataclasses.replace(UP["xnai_redis"], cgroup=None)}
    assert rows(SERVICES, stopped)[0]["memory used/limit"] == "- / 256 MiB"


def test_a_service_that_is_not_published_has_its_line():
    (line,) = unpublished(SERVICES, UP)
    assert line.startswith(
        "redis: healthy, not published on the host; ask it with: sudo xnai-podman exec xnai_redis "
    )
    assert line.endswith("; to publish on 127.0.0.1 set redis_publish_loopback = True")
    assert unpublished(SERVICES, {})[0].startswith("redis: absent, not published")
    assert unpublished(services(make(redis_publish_loopback=True))[:1], UP) == []
    worker = [s for s in services(make()) if s.name == "curation_worker"]
    assert "to publish" not in unpublished(worker, UP)[0]


REDIS_ID = UP["xnai_redis"].id


@pytest.mark.parametrize(
    ("kill", "said"),
    [
        (OomKill("T", REDIS_ID, "own", "redis-server"),
         ["xnai_redis: the kernel killed redis-server at T: it went past its own memory limit "
          "(256 MiB, and 128 MiB in swap); restarted 0 times in all"]),
        (OomKill("T", REDIS_ID, "above", "redis-server", "/user.slice"),
         ["xnai_redis: the kernel killed redis-server at T: a control group above it was at its "
          "limit (/user.slice); restarted 0 times in all"]),
        (OomKill("T", REDIS_ID, "machine", "redis-server"),
         ["xnai_redis: the kernel killed redis-server at T: the whole machine was out of memory; "
          "restarted 0 times in all"]),
        (OomKill("T", "f" * 64, "own", "python"),
         ["a container that is gone or not of this stack: the kernel killed python at T: it went "
          "past its own memory limit"]),
        (OomKill("T", "", "machine", "firefox"), []),
        (OomKill("T", "", "guard", "/user.slice/user-2000.slice", "due to memory pressure"),
         ["/user.slice/user-2000.slice: systemd-oomd did it due to memory pressure, at T"]),
    ],
)
def test_who_was_killed_for_want_of_memory(kill, said):
    assert killed(SERVICES, UP, [kill]) == said


def test_kills_of_which_the_log_is_silent_by_now_are_counted():
    redis = UP["xnai_redis"]
    containers = UP | {
        "xnai_redis": dataclasses.replace(
            redis, cgroup=dataclasses.replace(redis.cgroup, oom_kills=3)
        )
    }
    said = killed(SERVICES, containers, [OomKill("T", REDIS_ID, "own", "redis-server")])
    assert said[1:] == [
        "xnai_redis: 3 processes were killed in it for want of memory since it was started "
        "(memory.events), 1 of which the logs still tell"
    ]


def test_a_log_that_cannot_be_read_is_no_good_news():
    (line,) = killed(SERVICES, UP, None)
    assert line == "killed for memory: could not tell (dmesg cannot be read)"
    assert len(killed(SERVICES, PodmanUnknown(), [OomKill("T", REDIS_ID, "own", "x")])) == 1


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([True, True], 0), ([True, False], 1), ([None], 2), ([True, None], 2), ([False, None], 2),
        (["unreachable", True], 2),
    ],
)
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_how_xnai_status_ends(monkeypatch, verdicts, code, options):
    answers = [
        Answer("desk", None, "not reachable") if verdict == "unreachable"
        else Answer("desk", cli.HostStatus(True, [], verdict, [], [], []), "")
        for verdict in verdicts
    ]
    monkeypatch.setattr(cli.looking, "ask_each", lambda where, question: answers)
    assert CliRunner().invoke(main, ["status", *options]).exit_code == code


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_machine_without_a_deploy_is_told_in_one_line(monkeypatch, options):
    answer = Answer("desk", cli.HostStatus(False, [], False, [], [], []), "")
    monkeypatch.setattr(cli.looking, "ask_each", lambda where, question: [answer])
    done = CliRunner().invoke(main, ["status", *options])
    assert done.exit_code == 1
    if options:
        assert json.loads(done.output)["desk"]["deployed"] is False
    else:
        assert done.output == (
            "[desk]\n  nothing was deployed here yet: pyinfra inventory.py deploy.py\n"
        )


@pytest.mark.parametrize(
    ("differences", "code", "last"),
    [
        (None, 0, ""),
        ([], 0, "  a deploy would change nothing\n"),
        (["memory: sysctl vm.swappiness 60 -> 180"], 1,
         "  a deploy would change:\n    memory: sysctl vm.swappiness 60 -> 180\n"),
    ],
)
def test_what_a_deploy_would_change(monkeypatch, differences, code, last):
    answer = Answer("desk", cli.HostStatus(True, [], True, [], [], [], differences), "")
    monkeypatch.setattr(cli.looking, "ask_each", lambda where, question: [answer])
    done = CliRunner().invoke(main, ["status", "--diff"])
    assert (done.exit_code, done.output.removeprefix("[desk]\n").lstrip("\n")) == (code, last)


def test_a_container_without_a_readable_cgroup_is_told():
    alone = UP | {"xnai_redis": dataclasses.replace(UP["xnai_redis"], cgroup=None)}
    (line,) = unread_cgroups(SERVICES, alone)
    assert line.startswith("xnai_redis: could not tell whether its limits of memory hold")
    assert unread_cgroups(SERVICES, UP) == unread_cgroups(SERVICES, PodmanUnknown()) == []
    stopped = dataclasses.replace(UP["xnai_redis"], state="exited", cgroup=None)
    assert unread_cgroups(SERVICES, UP | {"xnai_redis": stopped}) == []


RUNS = SamplerUnit(True, True, "0123456789ab", "zram0 is 93 % full of its disksize")


@pytest.mark.parametrize(
    ("wanted", "unit", "said"),
    [
        (False, RUNS, None),
        (True, RUNS, "zram0 is 93 % full of its disksize"),
        (True, None, "not running: pyinfra inventory.py tasks/sampler.py"),
        (True, dataclasses.replace(RUNS, active=False),
         "not running: pyinfra inventory.py tasks/sampler.py"),
        (True, dataclasses.replace(RUNS, version="", says=""), "no sample yet"),
    ],
)
def test_what_the_memory_sampler_says(monkeypatch, wanted, unit, said):
    facts = fact_classes()["Containers"]().process(output("Containers", "normal"))
    monkeypatch.setattr(
        cli, "read_containers", lambda host, settings: dataclasses.replace(facts, sampler=unit)
    )
    assert cli._said_by_sampler(None, make(memory_sampler=wanted)) == said
    lines = cli._in_lines(cli.HostStatus(True, [], True, [], [], [], sampler=said))
    assert lines == ([f"memory sampler: {said}"] if said else [])
