"""A program of ours on the host: sent there, and run by root while no other run's command is."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from pyinfra.api.command import StringCommand
from pyinfra.api.exceptions import OperationError
from pyinfra.context import ctx_host

from xnai.operations.guard import one_at_a_time
from xnai.remote import content
from xnai.remote.limit import DATA_KILL_AFTER_S, DATA_LIMIT_S, Limited
from xnai.run.pyinfra import LiveCommand, run_within

Commands = Generator[StringCommand | str, None, None]

# At its limit the program puts things right, and keeps the lock until that is done.
_TO_ITS_END = "trap '' TERM; "


@dataclass(frozen=True)
class Program:
    """One file that the host's Python runs.

    Attributes:
        packed: its content.
        name: what it is for; the start of its file's name.
        home: directory of root's alone on the host; made where it is missing.
    """

    packed: bytes
    name: str
    home: str

    @property
    def file(self) -> str:
        """Its path on the host, a name of its own: a killed run's may still be at work."""
        return f"{self.home}/{self.name}-{hashlib.sha256(self.packed).hexdigest()[:16]}.pyz"

    def send(self, *directories: str) -> Commands:
        """Return the commands that send it, and remove what killed runs left.

        Args:
            directories: others that it needs, root's alone; made where they are missing.
        """
        made = shlex.join(dict.fromkeys((self.home, *directories)))
        yield (
            f'for d in {made}; do [ -e "$d" ] || install -d -m 0700 -o root -g root "$d" || '
            f"exit 1; done; find {shlex.quote(self.home)} -maxdepth 1 -name '*.pyz' -mmin +600 "
            "-delete"
        )
        yield content.put(self.file, self.packed)

    def once(self, line: str | None = None) -> LiveCommand:
        """Return the command that runs it, shows what it tells, and removes it.

        Args:
            line: what it reads from its input, which is in no process list and no log; or None.
        """
        file = shlex.quote(self.file)
        given: dict[str, Any] = {} if line is None else {"_stdin": [line]}
        return LiveCommand(
            _TO_ITS_END
            + one_at_a_time(f"umask 077; python3 -I -B {file}; e=$?; rm -f {file}; exit $e"),
            limit_s=DATA_LIMIT_S, kill_after_s=DATA_KILL_AFTER_S, **given,
        )

    def command(self, action: str) -> Limited:
        """Return the command that lets it do one thing; it stays, for others.

        Args:
            action: its argument.
        """
        return Limited(
            _TO_ITS_END
            + one_at_a_time(
                f"umask 077; exec python3 -I -B {shlex.quote(self.file)} {shlex.quote(action)}"
            ),
            limit_s=DATA_LIMIT_S, kill_after_s=DATA_KILL_AFTER_S,
        )

    def remove(self) -> str:
        """Return the command that removes it."""
        return f"rm -f {shlex.quote(self.file)}"

    def act(self, action: str, doing: str) -> list[str]:
        """Let it do one thing while an operation is executed; show and return what it tells.

        Args:
            action: its argument.
            doing: what it is for, for the error.

        Raises:
            OperationError: it failed; with its last lines.
        """
        succeeded, output = run_within(self.command(action))
        told = list(output.stdout_lines)
        for line in told:
            ctx_host.get().log(line)
        if not succeeded:
            raise OperationError("\n    ".join([f"{doing}:", *output.stderr_lines[-20:]]))
        return told
