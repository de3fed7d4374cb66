"""The program that makes an account of Vikunja's; root runs it on the host.

Vikunja takes a password from its command line, which every process can read, or from a terminal.
So it gets a terminal, of which this program is the other end.
"""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
import time
from contextlib import suppress

from xnai.programs.account.spec import AccountSpec
from xnai.programs.backup.ending import fail_on_signals, report
from xnai.programs.backup.podman import Podman
from xnai.programs.backup.process import Failed, tell
from xnai.programs.backup.psql import statements

# Vikunja's own questions, in this order (pkg/cmd/user.go of v2.5.0).
QUESTIONS = (b"Enter Password:", b"Confirm Password:")
_CHUNK = 4096
_MOST_KEPT = 16 * _CHUNK
_POLL_S = 0.05
_LAST_LINES = 5


class VikunjaAccount:
    """One account, with what is needed to make it."""

    def __init__(self, spec: AccountSpec) -> None:
        self.spec = spec
        self.podman = Podman(spec.podman)

    def exists(self) -> bool:
        """Return whether the database has an account of that name."""
        said = statements(
            self.podman, self.spec.database_container, self.spec.database,
            # A variable is put in place, and quoted, in what psql reads, not in its arguments.
            b"SELECT 1 FROM users WHERE username = :'name';\n",
            "--tuples-only", "--no-align", f"--set=name={self.spec.name}",
            doing="asking the database for the account",
        )
        return said.strip() == "1"

    def make(self, password: str) -> None:
        """Let Vikunja make the account.

        Args:
            password: its password.

        Raises:
            Failed: Vikunja refuses, asks something else, or does not end in time.
        """
        words = [
            self.spec.podman, "exec", "--interactive", "--tty", self.spec.container,
            self.spec.program, "user", "create",
            f"--username={self.spec.name}", f"--email={self.spec.email}",
        ]
        code, said = answering(words, QUESTIONS, password, self.spec.limit_s)
        is_made = self.exists()
        if code == 0 and is_made:
            return
        ended = f"no end within {self.spec.limit_s} s" if code is None else f"exit code {code}"
        # A terminal shows what is typed before the program has told it not to.
        lines = [line for line in said.splitlines() if line.strip() and password not in line]
        what = (
            f"the account {self.spec.name} is there, and Vikunja did not end well with it"
            if is_made else f"Vikunja did not make the account {self.spec.name}"
        )
        raise Failed("\n".join([f"{what}: {ended}", *lines[-_LAST_LINES:]]))


def answering(
    words: list[str], questions: tuple[bytes, ...], answer: str, limit_s: int
) -> tuple[int | None, str]:
    """Run a program on a terminal of its own and give the same answer to its questions.

    Args:
        words: its argv.
        questions: what it prints before it reads an answer, in order.
        answer: what it reads then, without a newline.
        limit_s: how long it may take, in seconds.

    Returns:
        Its exit code, None where it had to be ended, and the last that it printed.
    """
    child, terminal = pty.fork()
    if child == 0:
        # Only what execs: the child of a process with other threads may do nothing else.
        try:
            os.execv(words[0], words)  # noqa: S606  (no shell)
        finally:
            os._exit(127)
    ends = time.monotonic() + limit_s
    said, left = b"", list(questions)
    try:
        while (left_s := ends - time.monotonic()) > 0:
            ready, _, _ = select.select([terminal], [], [], left_s)
            if not ready:
                break
            try:
                part = os.read(terminal, _CHUNK)
            except OSError:  # EIO: the other end is closed (pty(7))
                part = b""
            if not part:
                break
            said = (said + part)[-_MOST_KEPT:]
            if left and left[0] in said:
                # What comes before a question is not looked at for the next one.
                said = said.partition(left.pop(0))[2]
                os.write(terminal, f"{answer}\n".encode())
        code = _end(child, ends)
    except BaseException:
        _end(child, 0)
        raise
    finally:
        os.close(terminal)
    return code, said.decode("utf-8", "replace")


def _end(child: int, ends: float) -> int | None:
    """Wait for a child's end until a moment of the clock, and kill it then; its exit code."""
    while time.monotonic() < ends:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(_POLL_S)
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def main(spec: AccountSpec) -> int:
    """Make the account whose password is the first line of the input; return the exit code."""
    os.umask(0o077)
    fail_on_signals()
    # Whatever locale root has here.
    password = sys.stdin.buffer.readline().decode("utf-8").rstrip("\n")
    one = VikunjaAccount(spec)
    try:
        if one.exists():
            raise Failed(
                f"there is an account {spec.name} already, and it was left as it is. Another "
                f"password for it: sudo xnai-podman exec --interactive --tty {spec.container} "
                f"{spec.program} user reset-password --direct {spec.name}"
            )
        one.make(password)
    except Failed as failed:
        report(failed)
        return 1
    tell(f"Vikunja has the account {spec.name}")
    return 0
