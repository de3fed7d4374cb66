"""What is root, what follows, what merely coincides, what is old, and what is not known."""

from __future__ import annotations

import pytest

from xnai.diagnostics.finding import Unknown
from xnai.diagnostics.signature import load
from xnai.triage.judge import judge
from xnai.triage.observation import HOST, Observation, Seen

SIGNATURES = load()
HEALTHY = "running healthy restarts=0 policy=unless-stopped"
UNHEALTHY = "running unhealthy restarts=0 policy=unless-stopped"
DENIED = "# Failed opening the temp RDB file temp-7.rdb (in server root dir /data) for saving: " \
    "Permission denied"
NOT_READY = 'health status=503 (9 ms) {"status": "not ready", "redis": "MISCONF"}'


def stack(*observations, blind=()):
    names = {"redis": "redis", "api": "rag_api", "ui": "chainlit_ui", "docs": "docs"}
    seen = Seen(services=names, needs={"api": {"redis"}, "ui": {"api"}, "redis": set()})
    seen.observations += observations
    told = {one.entity for one in observations if one.kind == "state"}
    seen.observations += [Observation("state", name, HEALTHY) for name in names if name not in told]
    seen.blind += blind
    return seen


def roots(*observations, **more):
    found = judge(stack(*observations, **more), SIGNATURES)
    return [(one.id, one.entity) for one in found.roots]


def chain():
    return (
        Observation("log", "redis", DENIED, time=1.0), Observation("state", "redis", UNHEALTHY),
        Observation("answer", "redis", "redis bgsave err"),
        Observation("state", "api", UNHEALTHY), Observation("answer", "api", NOT_READY),
        Observation("answer", "ui", "page status=500 (4 ms) error"),
    )


def test_one_cause_and_three_symptoms_are_one_root():
    found = judge(stack(*chain()), SIGNATURES)
    assert [(one.id, one.entity) for one in found.roots] == [("redis-rdb-denied", "redis")]
    follow = {(one.entity, one.id) for one in found.roots[0].consequences}
    assert ("api", "answer-bad") in follow and ("ui", "answer-bad") in follow
    assert found.roots[0].evidence


def test_what_merely_coincides_is_two():
    found = judge(
        stack(*chain(), Observation("state", "docs", "paused code=0 ended-by=itself")), SIGNATURES
    )
    assert [one.id for one in found.roots] == ["redis-rdb-denied", "paused"]


def test_a_port_that_is_not_published_is_told_and_no_fault():
    found = judge(
        stack(Observation("port", "redis", "unpublished 6379"),
              Observation("answer", "redis", "redis ping PONG (1 ms)")), SIGNATURES
    )
    assert found.is_well and [one.id for one in found.choices] == ["redis-unpublished"]


def test_a_healthy_stack_has_no_roots():
    assert roots() == []


def test_what_is_older_than_the_last_healthy_moment_is_history():
    old = Observation("log", "redis", DENIED, time=1.0, is_history=True)
    found = judge(stack(old), SIGNATURES)
    assert found.roots == () and "permission denied" in found.history[0]


def test_old_lines_are_no_cause_of_a_new_failure_either():
    old = Observation("log", "redis", DENIED, time=1.0, is_history=True)
    now = Observation("state", "redis", UNHEALTHY)
    assert roots(old, now) == [("unknown", "redis")]


def test_what_a_later_line_says_is_over_is_history():
    saved = Observation("log", "redis", "# Background saving terminated with success", time=2.0)
    ill = Observation("state", "redis", UNHEALTHY)
    denied = Observation("log", "redis", DENIED, time=1.0)
    assert roots(denied, saved, ill) == [("unknown", "redis")]
    assert roots(saved, Observation("log", "redis", DENIED, time=3.0), ill) == [
        ("redis-rdb-denied", "redis")
    ]


def test_what_a_well_container_said_is_no_cause():
    """A neighbour's words in its log, above all."""
    assert roots(Observation("log", "docs", "ModuleNotFoundError: No module named 'x'")) == []


def test_what_no_signature_knows_is_said_as_that_with_its_strongest_evidence():
    found = judge(
        stack(
            Observation("state", "docs", UNHEALTHY),
            Observation("answer", "docs", "health error TimeoutError: timed out"),
            Observation("health", "docs", "http://127.0.0.1:8002/: timed out"),
            Observation("log", "docs", "all is well", time=2.0),
            Observation("log", "docs", "some error that nobody knows", time=3.0),
        ), SIGNATURES,
    )
    (root,) = found.roots
    assert (root.id, root.confidence) == ("unknown", "unknown")
    assert [one.text.partition(" ")[0] for one in root.evidence] == ["running", "health",
                                                                    "http://127.0.0.1:8002/:"]


def test_an_unknown_failure_is_told_where_it_is_and_not_where_it_shows():
    found = judge(
        stack(
            Observation("state", "redis", UNHEALTHY),
            Observation("answer", "redis", "redis error TimeoutError: timed out"),
            Observation("answer", "api", NOT_READY), Observation("state", "api", UNHEALTHY),
        ), SIGNATURES,
    )
    assert [(one.id, one.entity) for one in found.roots] == [("unknown", "redis")]
    assert {one.entity for one in found.roots[0].consequences} == {"api"}


@pytest.mark.parametrize(
    ("ended_by", "kill", "said"),
    [
        ("stop", None, "stopped-on-purpose"), ("kill", None, "stopped-on-purpose"),
        ("itself", None, "exit-137-stop"),
        ("itself", "own python: it went past its own memory limit", "oom-cgroup"),
        ("itself", "above python: a control group above it was at its limit (/user.slice)",
         "oom-cgroup"),
        ("itself", "machine python: the whole machine was out of memory", "oom-global"),
        ("itself", "guard /user.slice/libpod-1.scope: systemd-oomd did it due to memory pressure",
         "oomd-kill"),
    ],
)
def test_exit_code_137_is_called_what_it_was(ended_by, kill, said):
    state = f"exited code=137 ended-by={ended_by} restarts=0 policy=no service=docs"
    kills = [Observation("kill", "docs", kill)] if kill else []
    assert roots(Observation("state", "docs", state), *kills) == [(said, "docs")]


def test_a_kill_before_the_last_healthy_moment_is_history():
    kill = Observation("kill", "docs", "own python: it went past its own memory limit", time=1.0,
                       is_history=True)
    assert roots(kill) == []


def test_a_failure_in_several_containers_is_one():
    found = judge(
        stack(Observation("secret", "redis", "stale x_password"),
              Observation("secret", "api", "stale x_password"),
              Observation("secret", "ui", "stale x_other")), SIGNATURES,
    )
    assert sorted((one.id, one.entity) for one in found.roots) == [
        ("secret-stale", "redis"), ("secret-stale", "ui"),
    ]
    first = next(one for one in found.roots if one.entity == "redis")
    assert {one.entity for one in first.consequences} == {"api"}


def test_a_full_disk_explains_what_fails_everywhere():
    found = roots(
        Observation("space", HOST, "/ has 0 MiB free of 15900"),
        Observation("answer", "redis", "redis bgsave err"),
        Observation("state", "docs", "exited code=1 ended-by=itself restarts=9 policy=no "
                    "service=d"),
    )
    assert found == [("disk-full", HOST)]


def test_a_missing_network_is_the_cause_of_the_missing_containers():
    found = roots(
        Observation("network", "redis", "missing x_data"), Observation("state", "redis", "absent"),
        Observation("network", "api", "missing x_data"), Observation("state", "api", "absent"),
    )
    assert found == [("network-undefined", "redis")]


def test_what_rests_on_a_blind_spot_is_possible():
    blind = [Unknown("the kernel's log", "dmesg cannot be read", "sudo dmesg")]
    state = "exited code=137 ended-by=itself restarts=0 policy=no service=docs"
    found = judge(stack(Observation("state", "docs", state), blind=blind), SIGNATURES)
    assert [(one.id, one.confidence) for one in found.roots] == [("exit-137-stop", "possible")]


def test_a_container_that_starts_is_not_called_ill():
    starting = Observation("state", "docs", "running starting restarts=0 policy=unless-stopped")
    asked = Observation("answer", "docs", "health error ConnectionRefusedError: refused")
    assert roots(starting, asked) == []


def test_a_stopped_redis_is_the_root_and_not_who_misses_it():
    found = judge(
        stack(
            Observation("state", "redis", "exited code=0 ended-by=stop restarts=0 policy=x "
                        "service=redis"),
            Observation("need", "api", "name redis: error its container does not run"),
            Observation("answer", "api", NOT_READY),
        ), SIGNATURES,
    )
    assert [(one.id, one.entity) for one in found.roots] == [("stopped-on-purpose", "redis")]
    assert found.roots[0].remedy == "sudo xnai-podman start redis"


def test_the_judgement_does_not_depend_on_the_order_of_what_was_seen():
    observations = list(chain())
    assert roots(*observations) == roots(*reversed(observations))
