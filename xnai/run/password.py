"""A new password from whoever runs pyinfra: from the terminal, or the first line of the input."""

from __future__ import annotations

import getpass
import sys

from xnai.run.pyinfra import fail_host

# bcrypt reads no further (Vikunja refuses more), and its web pages want at least eight.
LEAST_CHARACTERS = 8
MOST_BYTES = 72


def problem(password: str) -> str:
    """Return what is wrong with a password, or an empty text."""
    if password != password.strip() or not password.isprintable():
        return "no blanks at its ends, and no characters that cannot be seen"
    if len(password) < LEAST_CHARACTERS or len(password.encode()) > MOST_BYTES:
        return f"at least {LEAST_CHARACTERS} characters, at most {MOST_BYTES} bytes"
    return ""


def ask(what: str) -> str:
    """Return a new password, asked for twice on a terminal.

    Args:
        what: whose, for the question.

    Raises:
        HostFailed: there is none, two different ones, or one that Vikunja would not take.
    """
    if not sys.stdin.isatty() and not {"-y", "--yes"} & set(sys.argv):
        # pyinfra's own question would take the next line for its answer, and print it.
        fail_host(
            f"the password of {what} comes by the standard input, and so would the answer to the "
            "question before execution: add -y. Nothing was changed."
        )
    try:
        password, again = _read(what)
    except (EOFError, UnicodeError):
        fail_host(f"no password of {what} was given, or one that is no UTF-8. Nothing was changed.")
    if password != again:
        fail_host("the two passwords differ. Nothing was changed.")
    if wrong := problem(password):
        fail_host(
            f"the password of {what} must have {wrong}. It is asked for on a terminal; without "
            "one it is the first line of the standard input. Nothing was changed."
        )
    return password


def _read(what: str) -> tuple[str, str]:
    """The password, and what was typed the second time."""
    if sys.stdin.isatty():
        return getpass.getpass(f"New password of {what}: "), getpass.getpass("Once more: ")
    password = sys.stdin.readline().rstrip("\n")
    password.encode("utf-8")  # what was no text was read as something that cannot be written
    return password, password
