"""What is asked of a host about its stack, and how often."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from unit_settings import make

from xnai.facts.podman import Running, Store
from xnai.stack_reading import forget_store, read_running, read_store


class Host(SimpleNamespace):
    """A host that remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(connector_data={}, asked=[])

    def get_fact(self, fact: type, **arguments: Any) -> dict[str, Any]:
        self.asked.append((fact, arguments))
        return {"answer": len(self.asked)}


def test_the_store_is_read_once_until_it_is_forgotten():
    host, settings = Host(), make(stack_name="mine")
    first = read_store(host, settings)
    assert read_store(host, settings) is first
    assert host.asked == [
        (
            Store,
            {
                "label": "io.xnai.content",
                "secrets": ["mine_redis_password", "mine_redis_auth_conf"],
                "containers": ["mine_redis", "mine_rag_api"],
                "paths": [
                    "/var/lib/xnai/mine/stack/docker-compose.yml",
                    "/etc/systemd/user/mine-stack.service",
                ],
                "wants": "/etc/systemd/user/default.target.wants/mine-stack.service",
            },
        )
    ]
    forget_store(host)
    forget_store(host)
    assert read_store(host, settings) == {"answer": 2}


def test_running_containers_are_read_anew_each_time():
    host, settings = Host(), make(stack_name="mine")
    wanted = ["mine_redis", "mine_rag_api"]
    assert read_running(host, settings) == {"answer": 1}
    assert read_running(host, settings, check="mine_redis") == {"answer": 2}
    assert host.asked == [
        (Running, {"containers": wanted, "check": ""}),
        (Running, {"containers": wanted, "check": "mine_redis"}),
    ]
