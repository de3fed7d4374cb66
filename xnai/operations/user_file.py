"""Files in the stack user's home, written with no more rights than that user has."""

from __future__ import annotations

import hashlib
import io
import shlex
from collections.abc import Generator

from pyinfra.api.command import FileUploadCommand, StringCommand
from pyinfra.api.operation import operation


@operation()
def put(
    text: str, path: str, user: str, directory: str
) -> Generator[FileUploadCommand | StringCommand | str, None, None]:
    """Put a file (mode 0644) below the home of `user`, making its directories.

    Root would follow a link that the user, or what broke out of a container, had put there.

    Args:
        text: the content.
        path: where, absolute.
        user: owner, who does the writing.
        directory: a directory of root's that the user may enter, for the upload.
    """
    name = hashlib.sha256(path.encode()).hexdigest()[:16]
    upload = f"{directory}/{name}"
    yield FileUploadCommand(io.BytesIO(text.encode()), upload)
    source, target = shlex.quote(upload), shlex.quote(path)
    # In a directory that the user may enter: runuser keeps root's.
    yield (
        f"chmod 644 {source} && cd / && runuser -u {shlex.quote(user)} -- "
        f"sh -c {shlex.quote(f'umask 022; install -D -T -m 644 {source} {target}')} && rm {source}"
    )
