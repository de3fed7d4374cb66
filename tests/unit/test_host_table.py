"""The table at the end of a run of several hosts."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from pyinfra.api.state import StateStage

from xnai.diagnostics.table import aligned
from xnai.run import summary as host_table
from xnai.run.summary import HostTable, remember, rows, tell_each_host


class Host(SimpleNamespace):
    """A host with a name and a place to remember."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name, connector_data={})

    def __hash__(self) -> int:
        return hash(self.name)


def operation(succeeded: bool, changed: bool) -> SimpleNamespace:
    meta = SimpleNamespace(
        did_succeed=lambda _raise_if_not_complete: succeeded, did_change=lambda: changed
    )
    return SimpleNamespace(operation_meta=meta)


@pytest.fixture
def state():
    """A right host, one that failed in an operation, one that was never reached."""
    one, two, three = Host("one"), Host("two"), Host("three")
    return SimpleNamespace(
        inventory=[one, two, three], activated_hosts={one, two}, failed_hosts={two, three},
        ops={
            one: {"a": operation(True, True), "b": operation(True, False)},
            two: {"a": operation(True, True), "b": operation(False, False)}, three: {},
        },
        op_meta={"b": SimpleNamespace(names={"stack: bring up redis (absent)"})},
        callback_handlers=[], active_hosts={one}, current_stage=StateStage.Disconnect,
    )


def test_what_became_of_each(state, monkeypatch):
    said = []
    monkeypatch.setattr(host_table.logger, "info", said.append)
    table = HostTable()
    two = state.inventory[1]
    table.operation_host_error(state, two, "b")
    remember(two, "a later reason")
    table.host_disconnect(state, two)
    table.host_disconnect(state, state.inventory[0])
    assert said == [
        "host   result  changed  why",
        "one    right   1",
        "two    FAILED  1        failed: stack: bring up redis (absent)",
        "three  FAILED  0        not reached",
    ]


@pytest.mark.parametrize(
    ("reason", "why"),
    [
        ("\nwrong, nothing was changed:\nx = 1", "wrong, nothing was changed: x = 1"),
        ("wrong settings:\n  x = 1\n  y = 2\n", "wrong settings: x = 1 (and 1 more)"),
        ("one line\nand another", "one line"),
        ("announced:", "announced:"),
        ("a" * 300, "a" * 120),
        (f"many:\n{'b' * 300}\nc\nd", f"many: {'b' * 101} (and 2 more)"),
    ],
)
def test_of_several_lines_the_first_is_told_with_what_it_announces(state, reason, why):
    remember(state.inventory[1], reason)
    assert rows(state)[1]["why"] == why
    assert len(why) <= 120


def test_a_single_host_has_no_table(state, monkeypatch):
    monkeypatch.setattr(host_table.logger, "info", pytest.fail)
    monkeypatch.setattr(host_table.logger, "warning", pytest.fail)
    state.inventory = state.inventory[:1]
    HostTable().host_disconnect(state, state.inventory[0])


def test_once_a_run_however_many_hosts(state):
    state.add_callback_handler = state.callback_handlers.append
    tell_each_host(state)
    tell_each_host(state)
    assert len(state.callback_handlers) == 1


def test_no_rows_are_no_lines():
    assert aligned([]) == []


@pytest.mark.parametrize(
    ("stage", "dry", "planned", "said"),
    [
        (StateStage.Prepare, False, True, 1),
        (StateStage.Prepare, True, True, 0),
        # Nothing to do, or preflight has refused every host.
        (StateStage.Prepare, False, False, 0),
        (StateStage.Execute, False, True, 0),
        (StateStage.Disconnect, False, True, 0),
    ],
)
def test_a_plan_that_nobody_confirmed_is_said_last(state, monkeypatch, stage, dry, planned, said):
    lines = []
    monkeypatch.setattr(host_table, "is_dry", lambda: dry)
    monkeypatch.setattr(host_table.logger, "info", lines.append)
    monkeypatch.setattr(host_table.logger, "warning", lines.append)
    monkeypatch.setattr(host_table.sys, "argv", ["pyinfra"])
    state.current_stage = stage
    if not planned:
        state.active_hosts = {state.inventory[2]}
    HostTable().host_disconnect(state, state.inventory[0])
    told = [line for line in lines if line.startswith("NOTHING WAS EXECUTED")]
    assert len(told) == said and (not said or lines[-1] == told[0])


@pytest.mark.parametrize("option", ["--debug-facts", "--debug-operations"])
def test_what_shows_a_plan_alone_was_asked_for_no_execution(state, monkeypatch, option):
    monkeypatch.setattr(host_table.sys, "argv", ["pyinfra", option])
    state.current_stage = StateStage.Prepare
    assert not host_table.unconfirmed(state)
