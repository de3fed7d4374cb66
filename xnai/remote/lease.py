"""One run at a time on a machine: a lease of the whole run, renewed by each of its commands.

The lease is a file of root's: the run's ID, the machine's boot ID, the uptime at which it expires,
and who holds it. One that a killed controller left expires by itself; the next run takes it over
and says so. A command that outlives its controller still holds the lock (xnai.operations.guard),
and the next run waits for it. A run with --dry takes neither.
"""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import gevent
from gevent.event import Event
from pyinfra.api.command import StringCommand
from pyinfra.api.exceptions import PyinfraError
from pyinfra.api.facts import FactBase
from pyinfra.api.host import Host

from xnai.remote.controller import Controller, me, parsed
from xnai.remote.lease_code import LEASE, LOCK, release, take, under_lease
from xnai.remote.limit import Limited, as_command

_RENEW_EVERY_S = 60.0
# How long a run waits for another one.
WAIT_S = 300
_ASK_EVERY_S = 2.0
_TELL_EVERY_S = 15.0
RUN = secrets.token_hex(8)
# Stands before what was read on the way.
_ALSO = "also"


class Lease(FactBase[list[str]]):
    """Take the lease; the one fact that changes a host: nothing may be read before it is there."""

    # Shell code that reads something on the way. No argument: pyinfra prints those of a fact that
    # fails.
    also = ""

    def command(self, run: str, who: str, over: str = "") -> str:
        """Return the script; the arguments are those of `take`. What `also` prints comes last."""
        taking = take(run, who, over)
        if not self.also:
            return taking
        return f"({taking}); e=$?; [ $e != 0 ] || {{ echo {_ALSO}; {self.also}\n}}; exit $e"

    def process(self, output: list[str]) -> list[str]:
        """Return the lines."""
        return output


class LeaseRefused(PyinfraError):
    """The lease was not obtained: another run has it, it could not be taken, or this run was ended.

    The text says which, and what to do.
    """


def acquire(host: Host, ended: Event, fact: type[Lease] = Lease) -> list[str]:
    """Wait until this run has the machine, saying who has it meanwhile.

    Args:
        host: whose machine.
        ended: set when the run is over, as after Ctrl-C; a host that still waits then must
            not begin.
        fact: what is asked.

    Returns:
        The lines that the fact's `also` printed.

    Raises:
        LeaseRefused: somebody else still has it after `WAIT_S` seconds, it cannot be asked, or the
            run is over.
    """
    over = ""
    started = time.monotonic()
    told_s = -_TELL_EVERY_S
    while True:
        said = host.get_fact(fact, run=RUN, who=me().words, over=over) or []
        said, read = (
            (said[:said.index(_ALSO)], said[said.index(_ALSO) + 1:]) if _ALSO in said
            else (said, [])
        )
        for line in said:
            if line.startswith("after "):
                host.log(f"taking over from a run of {line.split()[1]} that did not end well")
        if ended.is_set():
            raise LeaseRefused("the run was ended while it waited. Nothing was changed.")
        if "taken" in said:
            return read
        held = next((line.split(" ", 3) for line in said if line.startswith("held ")), None)
        if not held and "busy" not in said:
            raise LeaseRefused(
                f"could not take the lease of this machine ({LEASE}; above stands what the machine "
                "said): root is needed, at once or through sudo. Add --sudo to the command, or log "
                "in as root. Nothing was changed."
            )
        controller = parsed(held[3]) if held else None
        if held and controller and controller.is_gone and over != held[2]:
            over = held[2]
            continue
        what = (
            f"{_named(controller)} is at work on this machine"
            if held else "a command of an earlier run still works on this machine"
        )
        waited_s = time.monotonic() - started
        if waited_s >= WAIT_S:
            raise LeaseRefused(
                f"{what}, still after {waited_s:.0f} s ({LEASE}, {LOCK}). Nothing was changed. "
                "Let it finish, then run this again."
            )
        if waited_s - told_s >= _TELL_EVERY_S:
            host.log(f"waiting, at most {WAIT_S} s: {what}")
            told_s = waited_s
        ended.wait(_ASK_EVERY_S)


def _named(controller: Controller | None) -> str:
    """Who runs, for a person."""
    if controller is None:
        return f"a run of somebody ({LEASE} does not say who)"
    return f"a run of {controller.name} (process {controller.pid} there)"


_KEY = "xnai_lease"


def is_dry() -> bool:
    """Return whether pyinfra was asked to show its plan alone.

    By its command line: pyinfra runs deploy files in greenlets, where click's context is not seen.
    """
    return "--dry" in sys.argv


def _at_once(code: str) -> Limited:
    """A command that is short, or whose failure does not matter."""
    return Limited(code, limit_s=10, kill_after_s=5)


_ended: list[Event] = []


def end_waiting() -> None:
    """Make the hosts of this run that still wait for their lease give up: the run is over.

    pyinfra disconnects a host only after its preparation has ended.
    """
    for event in _ended:
        event.set()


def hold(host: Host, how: Mapping[str, Any], fact: type[Lease] = Lease) -> list[str]:
    """Take the lease for this run until it disconnects; each of its commands renews the lease.

    Args:
        host: whose machine.
        how: pyinfra's connector arguments by which its commands are root's.
        fact: what is asked; one that reads something on the way saves a command.

    Returns:
        The lines that its `also` printed; none where the lease is there already, or not needed.

    Raises:
        LeaseRefused: another run has it.
    """
    if is_dry() or _KEY in host.connector_data:
        return []
    connector: Any = host.connector
    without, disconnect, who = connector.run_shell_command, host.disconnect, me().words
    ended = Event()
    _ended.append(ended)

    def run_shell_command(
        command: StringCommand | str, print_output: bool = False, print_input: bool = False,
        **arguments: Any,
    ) -> Any:
        if _KEY in host.connector_data:
            command = under_lease(as_command(command), RUN, who)
        return without(command, print_output, print_input, **arguments)

    def give_back_and_disconnect() -> None:
        # Not by a callback: pyinfra has removed its helper for sudo by then, and would leave a new
        # one. A connection that is broken is no matter: the lease ends by itself.
        ended.set()
        if host.connector_data.pop(_KEY, None):
            with suppress(Exception):
                host.run_shell_command(_at_once(release(RUN, who)), **how)
        disconnect()

    def keep() -> None:
        # Also while one command takes its time, or this host waits for others.
        while not ended.wait(_RENEW_EVERY_S):
            with suppress(Exception):
                host.run_shell_command(_at_once(":"), **how)

    # Before it is waited for: a run that is ended meanwhile must not begin.
    host.disconnect = give_back_and_disconnect  # type: ignore[method-assign]
    try:
        read = acquire(host, ended, fact)
    except BaseException:
        # Whoever tries again wraps it again.
        host.disconnect = disconnect  # type: ignore[method-assign]
        raise
    host.connector_data[_KEY] = True
    connector.run_shell_command = run_shell_command
    gevent.spawn(keep)
    return read
