"""The end of a run: a line a host where there are several, and whether anything was executed."""

from __future__ import annotations

import sys

from pyinfra import logger
from pyinfra.api.host import Host
from pyinfra.api.state import BaseStateCallback, State, StateStage

from xnai.diagnostics.table import aligned
from xnai.remote.lease import is_dry
from xnai.run.known import known

# pyinfra's options that, like --dry, ask for no execution.
_SHOWS_ALONE = {"--debug-facts", "--debug-operations"}
_MOST_CHARACTERS = 120


class HostTable(BaseStateCallback):
    """Print the table once, when the first host is disconnected: that is after the run's end."""

    def __init__(self) -> None:
        """Nothing was printed yet."""
        self.printed = False

    # pyinfra's own base class has static methods; it calls these on the instance.
    def operation_host_error(  # type: ignore[override]
        self, state: State, host: Host, op_hash: str, retry_count: int = 0, max_retries: int = 0
    ) -> None:
        """Remember which operation failed."""
        remember(host, f"failed: {', '.join(sorted(state.op_meta[op_hash].names))}")

    def host_disconnect(self, state: State, host: Host) -> None:  # type: ignore[override]
        """Print the table, and last of all that nothing was executed where somebody thinks so."""
        if self.printed:
            return
        self.printed = True
        for line in aligned(rows(state)) if len(state.inventory) > 1 else ():
            logger.info(line)
        if unconfirmed(state):
            logger.warning(
                "NOTHING WAS EXECUTED: the plan was not confirmed. At the question only the Enter "
                "key goes on; with -y it is not asked"
            )


def remember(host: Host, reason: str) -> None:
    """Keep why a host failed, for its line; the first reason counts.

    Args:
        host: whose.
        reason: its first line is told, with the second where it ends with a colon.
    """
    known(host).failure = known(host).failure or reason


def unconfirmed(state: State) -> bool:
    """Return whether a plan was made and shown, and was neither executed nor asked for alone.

    pyinfra 3.10.0 ends then with 0: after any answer but an empty line, and for --json without -y.
    """
    return (
        state.current_stage < StateStage.Execute
        and not is_dry()
        and not _SHOWS_ALONE & set(sys.argv)
        and any(state.ops[host] for host in state.active_hosts)
    )


def rows(state: State) -> list[dict[str, str]]:
    """Return a row a host: its name, right or failed, how many operations changed it, why."""
    table = []
    for host in state.inventory:
        changed = sum(
            data.operation_meta.did_succeed(_raise_if_not_complete=False)
            and data.operation_meta.did_change()
            for data in state.ops[host].values()
        )
        failed = host in state.failed_hosts
        reached = host in state.activated_hosts
        reason = known(host).failure or ("" if reached else "not reached")
        table.append(
            {
                "host": host.name,
                "result": "FAILED" if failed or not reached else "right",
                "changed": str(changed),
                "why": _short(reason),
            }
        )
    return table


def _short(reason: str) -> str:
    """The first line, with the one that it announces; how many follow."""
    lines = [line.strip() for line in reason.splitlines() if line.strip()] or [""]
    shown = 2 if lines[0].endswith(":") and lines[1:] else 1
    more = f" (and {len(lines) - shown} more)" if shown == 2 and lines[shown:] else ""
    return " ".join(lines[:shown])[: _MOST_CHARACTERS - len(more)] + more


def tell_each_host(state: State) -> None:
    """Let `state` end with the table, once however many hosts ask for it."""
    if not any(isinstance(handler, HostTable) for handler in state.callback_handlers):
        state.add_callback_handler(HostTable())
