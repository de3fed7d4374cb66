"""What is asked of a host about its stack, and how often."""

from __future__ import annotations

import dataclasses
import hashlib
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from pyinfra.context import ctx_state
from rendering import stack
from unit_settings import make

from xnai.facts.podman import Store, StoreFacts
from xnai.facts.podman_call import PodmanUnknown
from xnai.facts.running import Running
from xnai.facts.sections import FileState
from xnai.run import store as stack_reading
from xnai.run.pyinfra import HostFailed
from xnai.run.store import (
    as_good,
    forget_store,
    read_running,
    read_store,
    refuse_unfinished_rotation,
)

EMPTY = StoreFacts((), {}, {}, frozenset(), {}, enabled=False, set_up=True)


class Host(SimpleNamespace):
    """A host that remembers what it was asked; its store is `store`."""

    def __init__(self, store: StoreFacts = EMPTY) -> None:
        super().__init__(connector_data={}, asked=[], store=store)

    def __hash__(self) -> int:
        return id(self)

    def get_fact(self, fact: type, **arguments: Any) -> object:
        self.asked.append((fact, arguments))
        return dataclasses.replace(self.store) if fact is Store else {"answer": len(self.asked)}


@contextmanager
def a_run(host: Host, operations: dict[str, object]):
    """The state of a run that has declared `operations` for `host`."""
    with ctx_state.use(SimpleNamespace(ops={host: operations})):
        yield


UNKNOWN = [
    {name: PodmanUnknown()} for name in ("images", "secrets", "containers")
]


@pytest.mark.parametrize("part", UNKNOWN)
def test_podman_that_does_not_answer_is_no_empty_store(part):
    host = Host(dataclasses.replace(EMPTY, **part))
    with a_run(host, {}), pytest.raises(HostFailed, match="Podman of xnai does not answer"):
        read_store(host, make())


@pytest.mark.parametrize("part", UNKNOWN)
def test_podman_may_be_unknown_before_it_is_set_up_or_when_a_step_will_mend_it(part):
    fresh = Host(dataclasses.replace(EMPTY, set_up=False, **part))
    with a_run(fresh, {}):
        assert read_store(fresh, make()) == fresh.store
    mended = Host(dataclasses.replace(EMPTY, **part))
    with a_run(mended, {"an operation": object()}):
        assert read_store(mended, make()) == mended.store


CONTAINERS = [
    "mine_redis", "mine_llm", "mine_rag_api", "mine_chainlit_ui", "mine_crawler",
    "mine_curation_worker", "mine_docs", "mine_vikunja_db", "mine_vikunja",
]


def test_the_store_is_read_once_until_it_is_forgotten():
    host, settings = Host(), make(stack_name="mine")
    first = read_store(host, settings)
    assert read_store(host, settings) is first
    assert host.asked == [
        (
            Store,
            {
                "stack": "mine",
                "secrets": [
                    "mine_redis_password", "mine_redis_auth_conf", "mine_ingest_token",
                    "mine_chainlit_auth_secret", "mine_vikunja_db_password", "mine_vikunja_secret",
                ],
                "containers": CONTAINERS,
                "paths": [
                    "/var/lib/xnai/mine/stack/docker-compose.yml",
                    "/var/lib/xnai/mine/stack/docker-compose.vikunja.yml",
                    "/var/lib/xnai/mine/stack/good/docker-compose.yml",
                    "/var/lib/xnai/mine/stack/good/docker-compose.vikunja.yml",
                    "/etc/systemd/user/mine-stack.service",
                    "/var/lib/xnai/mine/rotation/unfinished",
                    "/var/lib/xnai/mine/unfinished-restore",
                    "/var/lib/xnai/mine/stack/good/data.json",
                ],
                "wants": "/etc/systemd/user/default.target.wants/mine-stack.service",
            },
        )
    ]
    forget_store(host)
    forget_store(host)
    assert read_store(host, settings) is not first
    assert len(host.asked) == 2


def test_running_containers_are_read_anew_each_time():
    host, settings = Host(), make(stack_name="mine")
    wanted = CONTAINERS
    assert read_running(host, settings) == {"answer": 1}
    assert read_running(host, settings, "mine_redis", "http://127.0.0.1:1/") == {"answer": 2}
    assert host.asked == [
        (Running, {"containers": wanted, "check": "", "ready_url": ""}),
        (Running, {"containers": wanted, "check": "mine_redis",
                   "ready_url": "http://127.0.0.1:1/"}),
    ]


def test_a_boot_is_waited_for_and_told_once(monkeypatch):
    monkeypatch.setattr(stack_reading.time, "sleep", lambda seconds: None)
    states = [True, True, False, False]
    told: list[str] = []
    host = Host()
    host.log = told.append
    host.get_fact = lambda fact, **arguments: states.pop(0)
    stack_reading.wait_for_boot(host, make(), 60)
    assert told == ["waiting for xnai-stack.service, which starts the stack after a boot"]
    stack_reading.wait_for_boot(host, make(), 60)
    assert len(told) == 1 and states == []


def test_an_unfinished_rotation_is_named_with_what_finishes_it():
    settings = make(stack_name="mine")
    assert refuse_unfinished_rotation(settings, EMPTY) == ""
    path = "/var/lib/xnai/mine/rotation/unfinished"
    found = dataclasses.replace(EMPTY, files={path: FileState("0" * 64, "0600", "root", "root")})
    said = refuse_unfinished_rotation(settings, found)
    assert f"not finished ({path})" in said and "Nothing was changed." in said
    assert "pyinfra inventory.py tasks/rotate_secrets.py" in said and f"sudo rm {path}" in said


def test_what_is_as_the_last_healthy_generation():
    settings = make(stack_name="mine")
    wanted = stack(settings)
    good = "/var/lib/xnai/mine/stack/good"
    states = {
        part: FileState(hashlib.sha256(file.text.encode()).hexdigest(), "0644", "root", "root")
        for part, file in wanted.files.items()
    }
    paths = {part: f"{good}/{file.name}" for part, file in wanted.files.items()}

    def of(**changes):
        files = {paths[part]: state for part, state in (states | changes).items() if state}
        return as_good(settings, wanted, dataclasses.replace(EMPTY, files=files))

    assert of() == {"", "vikunja"}
    assert of(vikunja=dataclasses.replace(states[""], sha256="0" * 64)) == {""}
    assert of(vikunja=None) == {""}
    # Nothing was healthy yet.
    assert as_good(settings, wanted, EMPTY) == {"", "vikunja"}
