"""What one command has read of a host, and what is asked besides."""

from __future__ import annotations

import base64
import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest
from unit_settings import make

from xnai.facts.machine.model import FoundStore, PreflightFacts
from xnai.facts.machine.records import records
from xnai.facts.machine.shell import FILE_BYTES_MAX
from xnai.facts.podman import Container, Store, StoreFacts
from xnai.facts.podman_call import PodmanUnknown
from xnai.facts.running import OfStack
from xnai.facts.survey import Survey, Surveyed
from xnai.run.known import known
from xnai.run.reading import look, read_containers, read_memory, survey
from xnai.run.store import read_store
from xnai.stack.catalogue import container_names

SETTINGS = make()
NAMES = tuple(container_names(SETTINGS))
EMPTY = StoreFacts((), {}, {}, frozenset(), {}, enabled=False, set_up=True)


def container(name: str, stack: str = SETTINGS.stack_name, config: str = "1") -> Container:
    fields: dict[str, Any] = dict.fromkeys(
        (one.name for one in dataclasses.fields(Container)), None
    )
    return Container(**fields | {"name": name, "stack": stack, "config": config})


class Host(SimpleNamespace):
    """A host that answers a survey, and remembers what it was asked."""

    def __init__(self, stores: Any, containers: Any) -> None:
        machine = PreflightFacts(stores=stores)
        store = dataclasses.replace(EMPTY, containers=containers)
        super().__init__(
            connector_data={}, asked=[],
            answers={
                Survey: Surveyed(machine, "memory", "containers", store), Store: EMPTY,
                OfStack: frozenset({"asked"}),
            },
        )

    def get_fact(self, fact: type, **arguments: Any) -> object:
        self.asked.append(fact)
        self.arguments = arguments
        return self.answers[fact]


def found(*names: str) -> FoundStore:
    return FoundStore(SETTINGS.stack_user, 2000, "/store", names)


def test_all_that_steps_compare_is_asked_once():
    host = Host((found(*NAMES),), {
        NAMES[0]: container(NAMES[0]), NAMES[1]: container(NAMES[1], stack="other"),
        NAMES[2]: container(NAMES[2], config=""),
    })
    survey(host, SETTINGS, to_deploy=True)
    assert look(host, SETTINGS).stores and read_memory(host, SETTINGS) == "memory"
    assert read_containers(host, SETTINGS) == "containers"
    assert known(host).store.of_stack == {NAMES[0]}
    assert host.asked == [Survey]


@pytest.mark.parametrize(("stores", "containers"), [
    (None, ()), ((), ()), ((found("xnai_of_before"),), ()),
    ((dataclasses.replace(found(), containers=None),), ()),
    ((found(), dataclasses.replace(found(), path="/another")), ()),
    # What Podman said is not what was read: another place is its store.
    ((found(),), (NAMES[0],)),
])
def test_podman_is_asked_where_it_may_have_containers_of_other_names(stores, containers):
    host = Host(stores, {name: container(name) for name in containers})
    survey(host, SETTINGS, to_deploy=True)
    assert read_store(host, SETTINGS).of_stack == {"asked"}
    assert host.asked == [Survey, OfStack]


def test_podman_that_did_not_answer_is_not_asked_again():
    host = Host((), PodmanUnknown())
    survey(host, SETTINGS, to_deploy=True)
    assert known(host).store is not None and host.asked == [Survey]


def test_a_store_that_was_not_read_whole_is_asked_alone():
    host = Host((), {})
    whole = host.answers[Survey]
    host.answers[Survey] = dataclasses.replace(whole, store=None)
    survey(host, SETTINGS, to_deploy=True)
    assert read_store(host, SETTINGS) is EMPTY and host.asked == [Survey, Store]


@pytest.mark.parametrize("to_deploy", [True, False])
def test_only_a_deploy_reaches_for_registries(to_deploy):
    host = Host((found(*NAMES),), {})
    survey(host, SETTINGS, to_deploy=to_deploy)
    assert bool(host.arguments["machine"]["urls"]) == to_deploy


@pytest.mark.parametrize(("size", "state"), [
    (0, "ok"), (FILE_BYTES_MAX, "ok"), (FILE_BYTES_MAX + 1, "unreadable"),
])
def test_a_file_that_is_too_large_is_not_read(size, state):
    content = base64.b64encode(b"/etc/x\0/etc/y\0" + b"a" * size).decode()
    [record] = records([f"xnai1\tsysctl\tok\tf\t{content}"])
    assert (record.state, record.field(0)) == (state, "/etc/x")
    assert record.field(2) == ("a" * size if state == "ok" else "")
