"""The record of what a host was: written before the first change, and never changed."""

from __future__ import annotations

from collections.abc import Generator

from pyinfra.api.command import StringCommand
from pyinfra.api.operation import operation

from xnai.record.baseline import RECORD
from xnai.remote import content


@operation()
def write(text: str, over: bool = False) -> Generator[StringCommand | str, None, None]:
    """Put the record in place, root's alone (it may hold files of the administrator's).

    Args:
        text: the record.
        over: put it in place of the one that is there, to which it adds; otherwise a record that
            another run wrote meanwhile stays.
    """
    if over:
        yield content.put(RECORD, text.encode())
        return
    new = f"{RECORD}.new"
    yield content.put(new, text.encode())
    # Named when it is whole: a record is complete or not there.
    yield f"[ -e {RECORD} ] || mv {new} {RECORD} && rm -f {new}"
