"""A sign of life for operations that take their time."""

from __future__ import annotations

import time
from typing import ClassVar

import gevent
from pyinfra.api.host import Host
from pyinfra.api.state import BaseStateCallback, State

FIRST_S = 3.0
THEN_EVERY_S = 15.0


class Elapsed(BaseStateCallback):
    """Print how long an operation has been running on a host, after 3 s and then every 15 s.

    pyinfra's own spinner shows only on a terminal, and names neither the time nor the host.
    """

    _tickers: ClassVar[dict[tuple[str, str], gevent.Greenlet[..., None]]] = {}

    @staticmethod
    def operation_host_start(state: State, host: Host, op_hash: str) -> None:
        """Begin to count."""
        Elapsed._tickers[host.name, op_hash] = gevent.spawn(_tick, host)

    @staticmethod
    def operation_host_success(
        state: State, host: Host, op_hash: str, retry_count: int = 0
    ) -> None:
        """Stop counting."""
        Elapsed._stop(host, op_hash)

    @staticmethod
    def operation_host_error(
        state: State, host: Host, op_hash: str, retry_count: int = 0, max_retries: int = 0
    ) -> None:
        """Stop counting."""
        Elapsed._stop(host, op_hash)

    @staticmethod
    def _stop(host: Host, op_hash: str) -> None:
        ticker = Elapsed._tickers.pop((host.name, op_hash), None)
        if ticker is not None:
            ticker.kill(block=False)


def _tick(host: Host) -> None:
    started = time.monotonic()
    gevent.sleep(FIRST_S)
    while True:
        host.log(f"... {time.monotonic() - started:.0f} s")
        gevent.sleep(THEN_EVERY_S)


def tell_elapsed(state: State) -> None:
    """Let `state` print signs of life, once however many hosts ask for it."""
    if not any(isinstance(handler, Elapsed) for handler in state.callback_handlers):
        state.add_callback_handler(Elapsed())
