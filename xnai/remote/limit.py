"""A time limit around every command on a host: one that hangs must not hold a lock for ever."""

from __future__ import annotations

from typing import Any

from pyinfra.api.command import QuoteString, StringCommand
from pyinfra.api.host import Host
from pyinfra.connectors.local import LocalConnector

# For what neither fetches, builds nor copies data: waiting for the lock, then ending containers
# that save, on a machine that swaps.
LIMIT_S = 1200
# apt, pip and pulls, on a slow line.
FETCH_LIMIT_S = 2 * 3600
BUILD_LIMIT_S = 6 * 3600
# Copying the stack's data, which may be large.
DATA_LIMIT_S = 24 * 3600
# From SIGTERM to SIGKILL. A program of ours that copies data puts things right meanwhile.
KILL_AFTER_S = 30
DATA_KILL_AFTER_S = 1800
# The connection itself may be dead, and then nobody answers.
_CONNECTION_MORE_S = 60


class Limited(StringCommand):
    """A command with a limit of its own."""

    def __init__(
        self, *bits: Any, limit_s: int = LIMIT_S, kill_after_s: int = KILL_AFTER_S,
        **arguments: Any,
    ) -> None:
        """Take the command's words.

        Args:
            bits: as of pyinfra's own StringCommand.
            limit_s: until it is ended, in seconds.
            kill_after_s: from then on until it is killed, in seconds.
            arguments: pyinfra's connector arguments.
        """
        super().__init__(*bits, **arguments)
        self.limit_s = limit_s
        self.kill_after_s = kill_after_s


def as_command(command: StringCommand | str) -> StringCommand:
    """Return a command as pyinfra's class; a fact's may be a plain text."""
    return StringCommand(command) if isinstance(command, str) else command


def limits_of(command: StringCommand) -> tuple[int, int]:
    """Return a command's limit, and the time that it has after that, both in seconds."""
    if isinstance(command, Limited):
        return command.limit_s, command.kill_after_s
    return LIMIT_S, KILL_AFTER_S


def bounded(command: StringCommand, foreground: bool = False) -> StringCommand:
    """Return a command that ends another one, with all that it started, after its limit.

    Args:
        command: what to do.
        foreground: in the process group of whoever runs it, which a Ctrl-C of the terminal
            reaches; then only the command's shell is ended.
    """
    limit_s, kill_after_s = limits_of(command)
    return StringCommand(
        "timeout", *(["--foreground"] if foreground else []), f"--kill-after={kill_after_s}",
        str(limit_s), "sh", "-c", QuoteString(command), **command.connector_arguments,
    )


def connection_limit_s(command: StringCommand) -> int:
    """Return after how many seconds without an end the connection is given up."""
    return sum(limits_of(command)) + _CONNECTION_MORE_S


def limit(host: Host) -> None:
    """Let every command on `host` from here on have its limit, pyinfra's own ones too."""
    connector: Any = host.connector
    if hasattr(connector, "xnai_unlimited"):
        return
    unlimited = connector.xnai_unlimited = connector.run_shell_command
    local = isinstance(connector, LocalConnector)

    def run_shell_command(
        command: StringCommand | str, print_output: bool = False, print_input: bool = False,
        **arguments: Any,
    ) -> Any:
        command = as_command(command)
        arguments["_timeout"] = arguments.get("_timeout") or connection_limit_s(command)
        return unlimited(bounded(command, local), print_output, print_input, **arguments)

    connector.run_shell_command = run_shell_command
