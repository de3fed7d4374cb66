"""The few things around pyinfra that every deploy file shares."""

from __future__ import annotations

import signal
import socket
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from getpass import getpass
from typing import Any, NoReturn

from pyinfra import logger
from pyinfra.api.arguments import CONNECTOR_ARGUMENT_KEYS, pop_global_arguments
from pyinfra.api.command import StringCommand
from pyinfra.api.exceptions import PyinfraError
from pyinfra.api.host import Host
from pyinfra.api.state import State
from pyinfra.connectors.util import CommandOutput
from pyinfra.context import ctx_host, ctx_state

from xnai.facts.hardware import Hardware
from xnai.remote import lease
from xnai.remote.limit import Limited, limit
from xnai.run.heartbeat import tell_elapsed
from xnai.run.known import known
from xnai.run.summary import remember, tell_each_host

# pyinfra exec()s a deploy file in a namespace without a name of its own; Python then answers
# with that of the built-ins. An imported file has its module's name.
RUN_BY_PYINFRA = "builtins"


class LiveCommand(Limited):
    """A command whose output is shown line by line while it runs, also without -v."""

    def execute(
        self, state: State, host: Host, connector_arguments: Any
    ) -> tuple[bool, CommandOutput]:
        """Run it; nothing is handed on for pyinfra to print a second time."""
        how = connector_arguments | self.connector_arguments
        succeeded, _ = host.run_shell_command(self, print_output=True, **how)
        return succeeded, CommandOutput([])


def run_within(command: str | StringCommand) -> tuple[bool, CommandOutput]:
    """Run a command inside an operation as that operation's own commands run (sudo and the like).

    Args:
        command: for the shell of the current host; a string has the usual time limit.

    Returns:
        Whether it succeeded, and what it printed.
    """
    host = ctx_host.get()
    arguments: Any = host.current_op_global_arguments or {}
    how = {key: arguments[key] for key in CONNECTOR_ARGUMENT_KEYS if key in arguments}
    words = StringCommand(command) if isinstance(command, str) else command
    how |= words.connector_arguments
    done: tuple[bool, CommandOutput] = host.run_shell_command(words, **how)
    return done


_PROMPTED = "prompted_sudo_password"


def ask_for_sudo(host: Host, said: Sequence[str]) -> bool:
    """Ask for sudo's password where it wants one and says so in a language of its own.

    pyinfra 3.10 asks by itself, but knows only the English sentence (connectors/util.py,
    SUDO_PASSWORD_REQUIRED_LINES); sudo speaks the login's.

    Args:
        host: whose sudo.
        said: the lines that a command through `sudo -n` printed.

    Returns:
        Whether it was asked for; the command can be tried again then.
    """
    speaks = any(line.strip().startswith(("sudo:", "sudo-rs:")) for line in said)
    if not speaks or _PROMPTED in host.connector_data:
        return False
    host.connector_data[_PROMPTED] = getpass(f"{host.print_prefix}sudo password: ")
    return True


class HostFailed(PyinfraError):
    """This host cannot go on; the text says why and what to do. Other hosts can."""


def fail_host(reason: str) -> NoReturn:
    """Stop working on the current host, before any change, with a reason of one or more lines.

    Raises:
        HostFailed: always.
    """
    raise HostFailed(reason)


@contextmanager
def this_host_alone() -> Iterator[None]:
    """Declare operations for the current host; what goes wrong takes only it out of the run.

    pyinfra by itself stops the preparation of every host at the first exception. While
    operations run, those of xnai.operations that raise are contained by their decorator; an
    exception inside one of pyinfra's own still ends the run of all hosts.

    From here on each command on the host has a time limit, and the run has the machine for itself
    (xnai.remote).

    Raises:
        PyinfraError: no host is left (the run's exit code is then not 0).
    """
    host, state = ctx_host.get(), ctx_state.get()
    exit_130_when_interrupted()
    without_delay(host)
    limit(host)
    tell_elapsed(state)
    tell_each_host(state)
    try:
        refused = _refused(host, state)
        yield
        if refused:
            raise refused
    except PyinfraError as failure:
        _fail(host, state, str(failure))
    except Exception as failure:
        # Something that a host says in a way that nobody foresaw must not end the others' runs.
        logger.debug(traceback.format_exc())
        where = traceback.extract_tb(failure.__traceback__)[-1]
        _fail(
            host, state,
            f"unexpected, and a fault of xnai's: {type(failure).__name__}: {failure} "
            f"({where.filename}:{where.lineno}; all of it with --debug). Nothing was changed.",
        )


def _refused(host: Host, state: State) -> lease.LeaseRefused | None:
    """Let this run have the machine; where another one has it, nothing can be read from it.

    The body of a `with` statement cannot be skipped: it ends at the first thing that it asks.
    """
    try:
        read = _hold(host, connector_arguments(host, state))
        known(host).hardware = known(host).hardware or Hardware().process(read)
        return None
    except lease.LeaseRefused as refused:
        why = refused
    except Exception as failure:
        logger.debug(traceback.format_exc())
        why = lease.LeaseRefused(
            f"could not take the lease of this machine: {type(failure).__name__}: {failure}. "
            "Nothing was changed."
        )

    def get_fact(*_: object, **__: object) -> NoReturn:
        raise why

    host.get_fact = get_fact  # type: ignore[method-assign]
    return why


class _LeaseAndHardware(lease.Lease):
    also = Hardware().command()


def _hold(host: Host, how: Mapping[str, Any]) -> list[str]:
    """Take the lease; where sudo refuses it in a language of its own, ask and try once more."""
    try:
        return lease.hold(host, how, _LeaseAndHardware)
    except Exception:
        if not how.get("_sudo"):
            raise
        _, output = host.run_shell_command(StringCommand("true"), **how)
        if not ask_for_sudo(host, output.stderr_lines):
            raise
        return lease.hold(host, how, _LeaseAndHardware)


def _fail(host: Host, state: State, reason: str) -> None:
    """Take one host out of the run, with a reason."""
    for line in reason.splitlines():
        logger.error(f"{host.print_prefix}{line}")
    remember(host, reason)
    # What earlier steps declared must not run either: nothing is half done.
    state.ops[host].clear()
    host.op_hash_order.clear()
    state.fail_hosts({host})


def connector_arguments(host: Host, state: State) -> dict[str, Any]:
    """How commands on a host become root's: what its data and the configuration say."""
    arguments: Any = pop_global_arguments(state, host, {})[0]
    return {key: arguments[key] for key in CONNECTOR_ARGUMENT_KEYS if key in arguments}


def exit_130_when_interrupted() -> None:
    """Let Ctrl-C end pyinfra's command with 130, as shells have it.

    By itself it ends with 0 (pyinfra 3.10.0, pyinfra_cli/main.py): `backup && upgrade` would go on.
    """
    # Its own handler alone is replaced: what tests or other programs have stays theirs.
    if getattr(signal.getsignal(signal.SIGINT), "__name__", "") != "_handle_interrupt":
        return

    def end(number: int, _: object) -> NoReturn:
        lease.end_waiting()
        sys.stderr.write(
            "\nEnded by Ctrl-C. What a host is still at goes on there, and the next run waits for "
            "it.\n"
        )
        sys.exit(128 + number)

    signal.signal(signal.SIGINT, end)


def summary(items: Sequence[str], most: int = 3) -> str:
    """Return the first `most` items in words with the number of the rest, for a plan's line."""
    more = len(items) - most
    return ", ".join(items[:most]) + (f" and {more} more" if more > 0 else "")


def without_delay(host: Host) -> None:
    """Switch on TCP_NODELAY for an SSH host.

    paramiko leaves it off, and Nagle's algorithm then holds nearly every command back for the
    40 ms of the peer's delayed acknowledgement.
    """
    client = getattr(host.connector, "client", None)
    transport = client.get_transport() if client else None
    if transport is not None and isinstance(transport.sock, socket.socket):
        transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
