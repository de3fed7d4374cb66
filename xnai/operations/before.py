"""The record of what a host was: written before the first change, and never changed."""

from __future__ import annotations

import io
import shlex
from collections.abc import Generator

from pyinfra.api.command import FileUploadCommand
from pyinfra.api.operation import operation

from xnai.before import DIRECTORY, RECORD


@operation()
def write(text: str, over: bool = False) -> Generator[FileUploadCommand | str, None, None]:
    """Put the record in place, root's alone (it may hold files of the administrator's).

    Args:
        text: the record.
        over: put it in place of the one that is there, to which it adds; otherwise a record that
            another run wrote meanwhile stays.
    """
    new = f"{RECORD}.new"
    yield f"umask 022; mkdir -p {shlex.quote(DIRECTORY)}; umask 077; : > {new}"
    yield FileUploadCommand(io.BytesIO(text.encode()), new)
    # Renamed when it is whole: a record is complete or not there.
    put = f"mv {new} {RECORD}" if over else f"{{ [ -e {RECORD} ] || mv {new} {RECORD}; }}"
    yield f"chmod 600 {new} && sync {new} && {put} && rm -f {new}"
