"""A sign of life for operations that take their time."""

from __future__ import annotations

import time

import gevent
from pyinfra.api.host import Host
from pyinfra.api.state import BaseStateCallback, State

from xnai.run import durations

FIRST_S = durations.LEAST_S
THEN_EVERY_S = 15.0


class Elapsed(BaseStateCallback):
    """Print how long an operation has been running on a host, after 3 s and then every 15 s.

    With how long it took the last time, and what is left. pyinfra's own spinner shows only on a
    terminal, and names neither the time nor the host.
    """

    def __init__(self) -> None:
        """Nothing runs yet."""
        self._tickers: dict[tuple[str, str], gevent.Greenlet[..., None]] = {}
        self._began: dict[tuple[str, str], float] = {}
        self._last_s = durations.read()

    # pyinfra's own base class has static methods; it calls these on the instance.
    def operation_host_start(  # type: ignore[override]
        self, state: State, host: Host, op_hash: str
    ) -> None:
        """Begin to count; pyinfra calls this for hosts too that do not have the operation."""
        if op_hash not in host.op_hash_order:
            return
        after = host.op_hash_order[host.op_hash_order.index(op_hash) + 1:]
        left = [_name(state, host, one) for one in after]
        words = self._outlook(host, _name(state, host, op_hash), left)
        self._began[host.name, op_hash] = time.monotonic()
        self._tickers[host.name, op_hash] = gevent.spawn(_tick, host, words)

    def operation_host_success(  # type: ignore[override]
        self, state: State, host: Host, op_hash: str, retry_count: int = 0
    ) -> None:
        """Stop counting, and keep what it took."""
        if took_s := self._stop(host, op_hash):
            durations.keep({durations.key(host.name, _name(state, host, op_hash)): took_s})

    def operation_host_error(  # type: ignore[override]
        self, state: State, host: Host, op_hash: str, retry_count: int = 0, max_retries: int = 0
    ) -> None:
        """Stop counting."""
        self._stop(host, op_hash)

    def _stop(self, host: Host, op_hash: str) -> float:
        ticker = self._tickers.pop((host.name, op_hash), None)
        if ticker is None:
            return 0.0
        ticker.kill(block=False)
        return time.monotonic() - self._began.pop((host.name, op_hash))

    def _outlook(self, host: Host, name: str, left: list[str]) -> str:
        """What is known of how long it will take, and of what comes after it."""
        last_s = self._last_s.get(durations.key(host.name, name))
        words = f", {last_s:.0f} s the last time" if last_s else ""
        if left:
            left_s = sum(self._last_s.get(durations.key(host.name, one), 0.0) for one in left)
            words += f"; {len(left)} more after it"
            words += f", {left_s:.0f} s the last time" if left_s else ""
        return words


def _name(state: State, host: Host, op_hash: str) -> str:
    """What it is called on this host: the same place in the code has other names on others."""
    return str(state.ops[host][op_hash].global_arguments.get("name") or op_hash)


def _tick(host: Host, outlook: str) -> None:
    started = time.monotonic()
    gevent.sleep(FIRST_S)
    while True:
        host.log(f"... {time.monotonic() - started:.0f} s{outlook}")
        gevent.sleep(THEN_EVERY_S)


def tell_elapsed(state: State) -> None:
    """Let `state` print signs of life, once however many hosts ask for it."""
    if not any(isinstance(handler, Elapsed) for handler in state.callback_handlers):
        state.add_callback_handler(Elapsed())
