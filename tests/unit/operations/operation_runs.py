"""Running an operation's generator without a host: the commands that it would send."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from pyinfra.context import ctx_host, ctx_state


class FakeHost(SimpleNamespace):
    """A host that remembers what it is told and answers facts and commands from lists.

    Commands with a word of `failing` fail; `cat` prints what `files` has by path.
    """

    def __init__(self, **values: Any) -> None:
        super().__init__(
            current_op_global_arguments=None, connector_data={}, logged=[], noops=[], facts=[],
            stdout=[], commands=[], failing=(), files={}, **values,
        )

    def log(self, text: str) -> None:
        self.logged.append(text)

    def noop(self, text: str) -> None:
        self.noops.append(text)

    def get_fact(self, fact: type, **arguments: Any) -> Any:
        del fact, arguments
        return self.facts.pop(0) if self.facts else None

    def run_shell_command(self, command: Any, **how: Any) -> tuple[bool, SimpleNamespace]:
        text = str(command)
        self.commands.append((text, how) if how else text)
        if text.startswith("cat "):
            found = self.files.get(text.removeprefix("cat "))
            lines = found.splitlines() if found else []
            return found is not None, SimpleNamespace(stdout_lines=lines, stderr_lines=[])
        succeeded = not any(word in text for word in self.failing)
        return succeeded, SimpleNamespace(stdout_lines=self.stdout, stderr_lines=[])


@contextmanager
def on_a_host(executing: bool = True) -> Iterator[FakeHost]:
    """A fake host in a fake run, either being prepared or executing."""
    host = FakeHost()
    with ctx_state.use(SimpleNamespace(is_executing=executing)), ctx_host.use(host):
        yield host


def commands(operation: Any, /, **arguments: Any) -> list[Any]:
    """Return what the operation yields on the host in context; shell commands are parsed too."""
    yielded = list(operation._inner(**arguments))
    for command in yielded:
        for shell in ("sh", "bash"):
            subprocess.run([shell, "-n", "-c", str(command)], check=True)
    return yielded


def content_of(command: Any) -> bytes:
    """Return what a command sends by its standard input."""
    return base64.b64decode("".join(command.connector_arguments["_stdin"]))


def really_run(
    command: Any, change: Callable[[str], str] = str, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a command on this machine, with its input as pyinfra sends it.

    Args:
        command: of an operation.
        change: lets its text be about places of the test's own.
        check: whether it must succeed.
    """
    items = getattr(command, "connector_arguments", {}).get("_stdin", [])
    return subprocess.run(
        ["sh", "-c", change(str(command))], input="".join(f"{item}\n" for item in items),
        text=True, capture_output=True, check=check,
    )
