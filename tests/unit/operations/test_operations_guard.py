"""An operation that cannot go on fails its own host, and says why."""

from __future__ import annotations

import subprocess

from operation_runs import on_a_host
from pyinfra.api.exceptions import OperationError

from xnai.operations.guard import failing_operation


@failing_operation
def half(words: str):
    yield "true"
    raise OperationError(words)


def test_the_reason_is_printed_by_a_command_that_fails():
    reason = "it's \"broken\"\n  $(second) line"
    body = half.__wrapped__  # pyinfra keeps what it decorates
    with on_a_host():
        commands = list(body(reason))
    assert commands[0] == "true"
    done = subprocess.run(
        ["sh", "-c", str(commands[1])], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", reason + "\n")


def test_the_undecorated_function_stays_reachable():
    assert half._inner is half.__wrapped__.__wrapped__
