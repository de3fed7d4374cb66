"""Files in the stack user's home, written with no more rights than that user has."""

from __future__ import annotations

from collections.abc import Generator

from pyinfra.api.command import StringCommand
from pyinfra.api.operation import operation

from xnai.remote import content


@operation()
def put(text: str, path: str, user: str) -> Generator[StringCommand, None, None]:
    """Put a file (mode 0644) below the home of `user`, making its directories.

    Args:
        text: the content.
        path: where, absolute.
        user: owner, who does the writing.
    """
    yield content.put_as(user, path, text.encode())
