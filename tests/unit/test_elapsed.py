"""Signs of life: after 3 s, then every 15 s, and none once an operation has ended."""

from __future__ import annotations

from contextlib import suppress
from types import SimpleNamespace

import gevent
import pytest

from xnai.run import durations
from xnai.run import heartbeat as elapsed

NAMES = {
    "a": "memory: install systemd-zram-generator",
    "b": "images: build localhost/xnai_base:0123456789abcdef (files changed)",
    "c": "stack: bring up redis (absent)",
}


class Host(SimpleNamespace):
    """A host that has all three operations."""

    __hash__ = object.__hash__


def state_of(one):
    """A state in which an operation has a host's own name."""
    return SimpleNamespace(ops={one: {
        key: SimpleNamespace(global_arguments={"name": name}) for key, name in NAMES.items()
    }})


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    """Where durations are kept."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "xnai/durations.json"


def host(said=None):
    return Host(
        name="h", op_hash_order=list(NAMES), log=(said if said is not None else []).append
    )


def test_says_how_long_it_has_been(monkeypatch):
    slept, said = [], []
    times = iter([100.0, 103.0, 118.0, 133.0])

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 4:
            raise gevent.GreenletExit

    monkeypatch.setattr(elapsed.gevent, "sleep", sleep)
    monkeypatch.setattr(elapsed.time, "monotonic", lambda: next(times))
    with suppress(gevent.GreenletExit):
        elapsed._tick(host(said), "; 1 more after it")
    assert slept == [3.0, 15.0, 15.0, 15.0]
    assert said == [f"... {seconds} s; 1 more after it" for seconds in (3, 18, 33)]


def test_is_silent_after_the_end():
    one, handler = host(), elapsed.Elapsed()
    handler.operation_host_start(state_of(one), one, "a")
    ticker = handler._tickers["h", "a"]
    handler.operation_host_success(state_of(one), one, "a")
    gevent.sleep(0)
    assert ticker.dead and handler._tickers == {} and handler._began == {}


@pytest.mark.parametrize(("before", "operation", "said"), [
    ({}, "a", "; 2 more after it"),
    ({}, "c", ""),
    ({"b": 408.2, "c": 150.0}, "a", "; 2 more after it, 558 s the last time"),
    ({"b": 408.2}, "b", ", 408 s the last time; 1 more after it"),
    ({"c": 150.0}, "c", ", 150 s the last time"),
])
def test_says_how_long_it_took_and_what_is_left(before, operation, said, monkeypatch):
    another = NAMES["b"].replace("0123456789abcdef (files", "fedcba9876543210 (packages")
    durations.keep({
        durations.key("h", another if one == "b" else NAMES[one]): seconds
        for one, seconds in before.items()
    })
    told = []
    monkeypatch.setattr(elapsed, "_tick", lambda host, outlook: told.append(outlook))
    one = host()
    elapsed.Elapsed().operation_host_start(state_of(one), one, operation)
    gevent.sleep(0)
    assert told == [said]


def test_what_took_long_is_kept_by_host_and_name(monkeypatch, kept):
    times = iter([10.0, 12.0, 20.0, 60.0])
    monkeypatch.setattr(elapsed.time, "monotonic", lambda: next(times))
    monkeypatch.setattr(elapsed, "_tick", lambda host, outlook: None)
    one, handler = host(), elapsed.Elapsed()
    for operation in ("a", "b"):
        handler.operation_host_start(state_of(one), one, operation)
        handler.operation_host_success(state_of(one), one, operation)
    assert durations.read() == {"h: images: build localhost/xnai_base": 40.0}
    assert [path.name for path in kept.parent.iterdir()] == ["durations.json"]


def test_what_failed_says_nothing_of_the_next_time(monkeypatch, kept):
    one, handler = host(), elapsed.Elapsed()
    handler.operation_host_start(state_of(one), one, "a")
    handler._began["h", "a"] -= 100
    handler.operation_host_error(state_of(one), one, "a")
    assert not kept.exists()


def test_a_host_without_the_operation_says_nothing():
    one, handler = host(), elapsed.Elapsed()
    handler.operation_host_start(state_of(one), one, "of another host")
    assert handler._tickers == {}


@pytest.mark.parametrize("text", [
    "", "[1]", "{", '{"a": "long"}', "\x00", '{"a": 1' + "0" * 400 + "}",
])
def test_a_file_that_is_none_is_no_error(kept, text):
    kept.parent.mkdir()
    kept.write_text(text)
    assert durations.read() == {}
    durations.keep({"a": 5.0})
    assert durations.read() == {"a": 5.0}


def test_a_place_that_cannot_be_written_is_no_error(kept):
    kept.parent.write_text("a file")
    durations.keep({"a": 5.0})
    assert durations.read() == {}


def test_what_was_short_this_time_is_forgotten():
    durations.keep({"a": 900.0, "b": 5.0})
    durations.keep({"a": 1.0})
    assert durations.read() == {"b": 5.0}


def test_a_controller_without_a_home_is_no_error(monkeypatch):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setattr(durations.Path, "home", no_home)
    durations.keep({"a": 5.0})
    assert durations.read() == {}


def test_only_the_newest_are_kept():
    durations.keep({f"{number}": 5.0 for number in range(durations._MOST + 10)})
    durations.keep({"new": 7.0})
    found = durations.read()
    assert len(found) == durations._MOST and "new" in found and "0" not in found


def test_once_a_run_however_many_hosts():
    state = SimpleNamespace(callback_handlers=[])
    state.add_callback_handler = state.callback_handlers.append
    elapsed.tell_elapsed(state)
    elapsed.tell_elapsed(state)
    assert len(state.callback_handlers) == 1
