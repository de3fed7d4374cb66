"""A new password from whoever runs pyinfra: from the terminal, or the first line of the input."""

from __future__ import annotations

import getpass
import sys

from xnai.pyinfra_ext import fail_host

# bcrypt reads no further (Vikunja refuses more), and its web pages want at least eight.
LEAST_CHARACTERS = 8
MOST_BYTES = 72


def problem(password: str) -> str:
    """Return what is wrong with a password, or an empty text."""
    if len(password) < LEAST_CHARACTERS or len(password.encode()) > MOST_BYTES:
        return f"at least {LEAST_CHARACTERS} characters, at most {MOST_BYTES} bytes"
    if password != password.strip() or not password.isprintable():
        return "no blanks at its ends, and no control characters"
    return ""


def ask(what: str) -> str:
    """Return a new password, asked for twice on a terminal.

    Args:
        what: whose, for the question.

    Raises:
        HostFailed: there is none, two different ones, or one that Vikunja would not take.
    """
    if sys.stdin.isatty():
        password = getpass.getpass(f"New password of {what}: ")
        if getpass.getpass("Once more: ") != password:
            fail_host("the two passwords differ. Nothing was changed.")
    else:
        password = sys.stdin.readline().rstrip("\n")
    if wrong := problem(password):
        fail_host(
            f"the password of {what} must have {wrong}. It is asked for on a terminal; without "
            "one it is the first line of the standard input (and -y is needed). Nothing was "
            "changed."
        )
    return password
