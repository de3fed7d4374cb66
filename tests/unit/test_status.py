"""The table at the end of a run."""

from __future__ import annotations

import dataclasses

import pytest
from unit_settings import make

from xnai.catalogue import services
from xnai.facts.podman import Container, PodmanUnknown
from xnai.status import all_healthy, lines, rows

SERVICES = [s for s in services(make()) if s.name in ("redis", "rag_api")]
UP = {
    service.container_name: Container(
        service.container_name, "running", "healthy", "xnai", "c", "i", {}, 0, 0
    )
    for service in SERVICES
}


def test_aligned_with_what_is_not_published():
    assert lines(rows(SERVICES, UP)) == [
        "service  container     state    health   memory limit  url",
        "redis    xnai_redis    running  healthy  256 MiB       "
        "not published; sudo xnai-podman exec xnai_redis ...",
        "rag_api  xnai_rag_api  running  healthy  512 MiB       http://127.0.0.1:8000/ready",
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
