"""What goes wrong on one host takes that host out of the run, and no other."""

from __future__ import annotations

import signal
from types import SimpleNamespace

import pytest
from pyinfra.api.exceptions import PyinfraError
from pyinfra.context import ctx_host, ctx_state

from xnai.remote.lease import LeaseRefused
from xnai.run import pyinfra as pyinfra_ext
from xnai.run.pyinfra import HostFailed, exit_130_when_interrupted, this_host_alone


class Host:
    """A host that has declared an operation already."""

    print_prefix = "[desk] "

    def __init__(self):
        self.connector_data = {}
        self.op_hash_order = ["an operation"]
        self.connector = SimpleNamespace(run_shell_command=None)


@pytest.fixture
def run(monkeypatch):
    """The host and what the run has noted of failures."""
    host = Host()
    failed, told = [], []
    state = SimpleNamespace(
        ops={host: {"an operation": object()}}, fail_hosts=lambda hosts: failed.extend(hosts)
    )
    monkeypatch.setattr(pyinfra_ext, "tell_elapsed", lambda of: None)
    monkeypatch.setattr(pyinfra_ext, "tell_each_host", lambda of: None)
    monkeypatch.setattr(pyinfra_ext, "connector_arguments", lambda host, state: {})
    monkeypatch.setattr(pyinfra_ext.lease, "hold", lambda host, how, fact: [])
    monkeypatch.setattr(pyinfra_ext.logger, "error", told.append)
    with ctx_state.use(state), ctx_host.use(host):
        yield SimpleNamespace(host=host, state=state, failed=failed, told=told)


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (HostFailed("no\nNothing was changed."), ["[desk] no", "[desk] Nothing was changed."]),
        (PyinfraError("no"), ["[desk] no"]),
        (KeyError("name"), ["[desk] unexpected, and a fault of xnai's: KeyError: 'name' ("]),
        (ValueError("7 7"), ["[desk] unexpected, and a fault of xnai's: ValueError: 7 7 ("]),
    ],
)
def test_nothing_that_was_declared_is_run(run, failure, said):
    with this_host_alone():
        raise failure
    assert run.failed == [run.host]
    assert run.state.ops[run.host] == {} and run.host.op_hash_order == []
    assert len(run.told) == len(said)
    for line, start in zip(run.told, said, strict=True):
        assert line.startswith(start)


def test_all_well(run):
    with this_host_alone():
        pass
    assert run.failed == [] and len(run.state.ops[run.host]) == 1


def test_a_machine_that_another_run_has_is_not_looked_at(run, monkeypatch):
    def refuse(host, how, fact):
        raise LeaseRefused("a run of you@laptop is at work on this machine. Nothing was changed.")

    monkeypatch.setattr(pyinfra_ext.lease, "hold", refuse)
    looked = []
    with this_host_alone():
        run.host.get_fact("anything")
        looked.append(1)
    assert looked == [] and run.failed == [run.host]
    assert run.told == [
        "[desk] a run of you@laptop is at work on this machine. Nothing was changed."
    ]
    with this_host_alone():
        looked.append(1)  # what asks for nothing declares nothing either
    assert len(run.failed) == 2 and run.state.ops[run.host] == {}


@pytest.mark.parametrize("failure", [EOFError("no terminal"), IndexError("7"), OSError("gone")])
def test_a_machine_that_cannot_be_asked_is_not_looked_at_either(run, monkeypatch, failure):
    def refuse(host, how, fact):
        raise failure

    monkeypatch.setattr(pyinfra_ext.lease, "hold", refuse)
    with this_host_alone():
        run.host.get_fact("anything")
    assert run.failed == [run.host]
    assert run.told[0].startswith("[desk] could not take the lease of this machine: ")


def test_ctrl_c_is_no_success():
    before = signal.getsignal(signal.SIGINT)

    def _handle_interrupt(number, frame):  # as pyinfra's own is called
        raise SystemExit(0)

    try:
        signal.signal(signal.SIGINT, before)
        exit_130_when_interrupted()
        assert signal.getsignal(signal.SIGINT) is before
        signal.signal(signal.SIGINT, _handle_interrupt)
        exit_130_when_interrupted()
        with pytest.raises(SystemExit) as ended:
            signal.raise_signal(signal.SIGINT)
        assert ended.value.code == 130
    finally:
        signal.signal(signal.SIGINT, before)


def test_whoever_stops_the_run_stops_it(run):
    with pytest.raises(KeyboardInterrupt), this_host_alone():
        raise KeyboardInterrupt
    assert run.failed == []
