"""One run at a time on a machine: a lease of the whole run, renewed by each of its commands.

The lease is a file of root's: the run's ID, the machine's boot ID, the uptime at which it expires,
and who holds it. One that a killed controller left expires by itself; the next run takes it over
and says so. A command that outlives its controller still holds the lock (xnai.operations.guard),
and the next run waits for it. A run with --dry takes neither.
"""

from __future__ import annotations

import secrets
import shlex
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
from xnai.remote.limit import Limited, as_command, limits_of

DIRECTORY = "/run/xnai"
LEASE = f"{DIRECTORY}/lease"
LOCK = f"{DIRECTORY}/lock"
# A run renews it every minute, except while pyinfra waits at its confirmation prompt.
ENDS_AFTER_S = 240
_RENEW_EVERY_S = 60.0
# How long a run waits for another one.
WAIT_S = 300
_ASK_EVERY_S = 2.0
_TELL_EVERY_S = 15.0
# EX_TEMPFAIL of sysexits(3); nothing that we run exits so.
LOST = 75
RUN = secrets.token_hex(8)


# `l_now`, `l_machine` and the lease's words; the shell's builtins alone: each command has it.
_READ = (
    "l_run=; l_boot=; l_end=0; l_who=; read -r l_machine < /proc/sys/kernel/random/boot_id; "
    "read -r l_now l_rest < /proc/uptime; l_now=${l_now%.*}; "
    f"[ ! -e {LEASE} ] || read -r l_run l_boot l_end l_who < {LEASE}"
)
# Root's alone by its mode: nobody else can open what is in it, and so nobody else can lock it.
MADE = f"[ -d {DIRECTORY} ] || mkdir -m 700 {DIRECTORY}"


def _of_another(run: str) -> str:
    """Shell code that is true if another run holds or held the lease since this boot."""
    return f'[ -n "$l_run" ] && [ "$l_run" != {run} ] && [ "$l_boot" = "$l_machine" ]'


def _write(run: str, who: str, for_s: int = ENDS_AFTER_S) -> str:
    """Shell code that renews this run's lease for `for_s` seconds; 0 releases it."""
    end = f"$((l_now+{for_s}))" if for_s else "0"
    words = f'{run} "$l_machine" {end} {shlex.quote(who)}'
    return (
        f"(umask 077; printf '%s %s %s %s\\n' {words} > {LEASE}.$$ && mv -f {LEASE}.$$ {LEASE})"
    )


def take(run: str, who: str, over: str = "") -> str:
    """Return shell code that takes the lease, and prints what came of it.

    `taken`; `held SECONDS RUN WHO`: another run holds it; `busy`: a command of another run holds
    the lock; `after WHO`, before `taken`: it took over a lease that had expired unreleased. A
    released lease has the expiry 0.

    Args:
        run: ID of this run.
        who: this controller's words.
        over: ID of a run that is known to be gone.
    """
    code = (
        f"{_READ}; if {_of_another(run)}; then "
        f'if [ "$l_end" -gt "$l_now" ] && [ "$l_run" != {over or "-"} ]; then '
        'echo "held $((l_end-l_now)) $l_run $l_who"; exit 0; fi; '
        '[ "$l_end" = 0 ] || echo "after $l_who"; fi; '
        f"{_write(run, who)} && echo taken"
    )
    return (
        f"{MADE}; umask 077; flock -n -E {LOST} {LOCK} sh -c {shlex.quote(code)}; e=$?; "
        f"[ $e != {LOST} ] || {{ echo busy; exit 0; }}; exit $e"
    )


def release(run: str, who: str) -> str:
    """Return shell code that gives the lease back where this run has it.

    The file is kept with the expiry 0, so that a run which lost the lease notices.

    Args:
        run: ID of this run.
        who: this controller's words.
    """
    return f'{_READ}; [ "$l_run" != {run} ] || {_write(run, who, 0)}'


def under_lease(command: StringCommand, run: str, who: str) -> StringCommand:
    """Wrap a command so that it runs only while this run holds the lease.

    It renews the lease before, and after a long command. Without root's rights, as where pyinfra
    makes its own helper for sudo, there is no lease to look at.

    Args:
        command: what to do.
        run: ID of this run.
        who: this controller's words.
    """
    lost = shlex.quote("this machine was taken over by another run, of ")
    renew = (
        f"{_READ}; if {_of_another(run)}; then "
        f'echo {lost}"${{l_who%% *}}: look at what it has done, then run this again" >&2; '
        f"exit {LOST}; fi; {_write(run, who)} || exit {LOST}"
    )
    limit_s, kill_after_s = limits_of(command)
    return Limited(
        StringCommand(
            f"[ ! -w {DIRECTORY} ] || {{ {renew}; l_began=$l_now; }}; (",
            command,
            f'\n); e=$?; [ -z "${{l_began-}}" ] || {{ {_READ}; '
            f'[ $((l_now-l_began)) -lt {ENDS_AFTER_S // 4} ] || [ "$l_run" != {run} ] || '
            f"{_write(run, who)}; }}; exit $e",
        ),
        limit_s=limit_s, kill_after_s=kill_after_s, **command.connector_arguments,
    )


class Lease(FactBase[list[str]]):
    """Take the lease; the one fact that writes: it must be there before anything is read."""

    def command(self, run: str, who: str, over: str = "") -> str:
        """Return the script; the arguments are those of `take`."""
        return take(run, who, over)

    def process(self, output: list[str]) -> list[str]:
        """Return the lines."""
        return output


class LeaseRefused(PyinfraError):
    """Another run has the machine; the text says who and what to do."""


def acquire(host: Host, ended: Event) -> None:
    """Wait until this run has the machine, saying who has it meanwhile.

    Args:
        host: whose machine.
        ended: set when the run is over, as after Ctrl-C; who still waits then must not begin.

    Raises:
        LeaseRefused: somebody else still has it after `WAIT_S` seconds, it cannot be asked, or the
            run is over.
    """
    over = ""
    started = time.monotonic()
    told_s = -_TELL_EVERY_S
    while True:
        said = host.get_fact(Lease, run=RUN, who=me().words, over=over) or []
        for line in said:
            if line.startswith("after "):
                host.log(f"taking over from a run of {line.split()[1]} that did not end well")
        if ended.is_set():
            raise LeaseRefused("the run was ended while it waited. Nothing was changed.")
        if "taken" in said:
            return
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
    """A command that is short, or no matter."""
    return Limited(code, limit_s=10, kill_after_s=5)


_ended: list[Event] = []


def end_waiting() -> None:
    """Let nobody who still waits for a machine begin: the run is over.

    pyinfra disconnects a host only when what it prepares for that host has come to its end.
    """
    for event in _ended:
        event.set()


def hold(host: Host, how: Mapping[str, Any]) -> None:
    """Let this run have the machine until it disconnects, and each of its commands renew that.

    Args:
        host: whose machine.
        how: pyinfra's connector arguments by which its commands are root's.

    Raises:
        LeaseRefused: another run has it.
    """
    if is_dry() or _KEY in host.connector_data:
        return
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
        acquire(host, ended)
    except BaseException:
        # Whoever tries again wraps it again.
        host.disconnect = disconnect  # type: ignore[method-assign]
        raise
    host.connector_data[_KEY] = True
    connector.run_shell_command = run_shell_command
    gevent.spawn(keep)
