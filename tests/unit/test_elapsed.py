"""Signs of life: after 3 s, then every 15 s, and none once an operation has ended."""

from __future__ import annotations

from contextlib import suppress
from types import SimpleNamespace

import gevent

from xnai.run import heartbeat as elapsed


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
        elapsed._tick(SimpleNamespace(log=said.append))
    assert slept == [3.0, 15.0, 15.0, 15.0]
    assert said == ["... 3 s", "... 18 s", "... 33 s"]


def test_is_silent_after_the_end():
    host = SimpleNamespace(name="h", log=lambda text: None)
    elapsed.Elapsed.operation_host_start(None, host, "op")
    ticker = elapsed.Elapsed._tickers["h", "op"]
    elapsed.Elapsed.operation_host_success(None, host, "op")
    gevent.sleep(0)
    assert ticker.dead and ("h", "op") not in elapsed.Elapsed._tickers


def test_once_a_run_however_many_hosts():
    state = SimpleNamespace(callback_handlers=[])
    state.add_callback_handler = state.callback_handlers.append
    elapsed.tell_elapsed(state)
    elapsed.tell_elapsed(state)
    assert len(state.callback_handlers) == 1
