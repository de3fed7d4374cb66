"""From a host's containers to what must be made anew, and why."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from rendering import stack
from unit_settings import make

from xnai.facts.podman import Container, PodmanUnknown, Secret
from xnai.stack_plan import differences

MADE = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PLAN = stack(make())
REDIS, RAG_API = (service.container_name for service in PLAN.services)
SECRETS = {
    name: Secret("id", MADE - timedelta(seconds=1))
    for name in ("xnai_redis_password", "xnai_redis_auth_conf")
}


def containers(name: str = "", **changes: object) -> dict[str, Container]:
    """The containers as they should be, one of them with `changes`."""
    found = {
        service.container_name: Container(
            service.container_name, "running", "healthy", PLAN.references[service.name],
            PLAN.config_hashes[service.name], MADE, 0, (), 0,
        )
        for service in PLAN.services
    }
    if name:
        found[name] = dataclasses.replace(found[name], **changes)
    return found


def test_nothing_to_do():
    assert differences(PLAN, containers(), SECRETS) == {}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"image": "docker.io/library/redis:7.4"}, "image changed"),
        ({"config": "0" * 16}, "configuration changed"),
        ({"config": ""}, "configuration changed"),
        ({"state": "exited", "exit_code": 137, "health": ""}, "exited, exit code 137"),
        ({"state": "created", "health": ""}, "created, exit code 0"),
        ({"state": "paused", "health": ""}, "paused, exit code 0"),
        ({"health": "unhealthy"}, "unhealthy"),
        ({"health": "starting"}, "starting"),
        ({"created": MADE - timedelta(hours=1)}, "secret xnai_redis_auth_conf is newer"),
    ],
)
def test_what_is_wrong_with_redis_takes_its_dependents_along(changes, reason):
    assert differences(PLAN, containers(REDIS, **changes), SECRETS) == {
        "redis": reason, "rag_api": "depends on redis",
    }


def test_what_is_wrong_with_a_dependent_leaves_redis_alone():
    found = differences(PLAN, containers(RAG_API, config="0" * 16), SECRETS)
    assert found == {"rag_api": "configuration changed"}


def test_a_reason_of_ones_own_is_told_first():
    found = containers(REDIS, health="unhealthy")
    found[RAG_API] = dataclasses.replace(found[RAG_API], image="old")
    assert differences(PLAN, found, SECRETS) == {"redis": "unhealthy", "rag_api": "image changed"}


def test_absent():
    assert differences(PLAN, {}, SECRETS) == {"redis": "absent", "rag_api": "absent"}
    only_redis = {REDIS: containers()[REDIS]}
    assert differences(PLAN, only_redis, SECRETS) == {"rag_api": "absent"}


def test_a_container_that_no_service_asks_for_is_left_alone():
    odd = containers() | {"xnai_odd": dataclasses.replace(containers()[REDIS], name="xnai_odd")}
    assert differences(PLAN, odd, SECRETS) == {}


@pytest.mark.parametrize(
    "secrets",
    [{}, SECRETS | {"xnai_redis_password": Secret("id", MADE + timedelta(seconds=1))}],
    ids=["missing", "newer"],
)
def test_a_secret_that_is_not_what_the_container_was_made_with(secrets):
    found = differences(PLAN, containers(), secrets)
    assert set(found) == {"redis", "rag_api"}
    assert all(reason.startswith("secret xnai_redis_") for reason in found.values())


def test_a_podman_that_does_not_answer():
    assert set(differences(PLAN, PodmanUnknown(), SECRETS)) == {"redis", "rag_api"}
    assert differences(PLAN, containers(), PodmanUnknown()) == {
        "redis": "secrets unknown", "rag_api": "secrets unknown",
    }


def test_the_plan_is_in_dependency_order():
    seen: set[str] = set()
    for service in PLAN.services:
        assert set(service.depends_on) <= seen
        seen.add(service.name)
    assert list(differences(PLAN, {}, {})) == [service.name for service in PLAN.services]
