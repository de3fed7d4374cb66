"""Content that is sent to a host by a command's standard input, and written beside its place.

pyinfra's own upload under sudo passes through a file in /tmp that everybody can read, under a name
that everybody can compute beforehand (pyinfra 3.10.0, connectors/ssh.py, put_file), and is then
copied onto whatever stands at the destination, a link's target too.
"""

from __future__ import annotations

import base64
import shlex

from xnai.remote.limit import FETCH_LIMIT_S, Limited

# What is written beside a file ends so; no directory of drop-ins reads such a name.
NEW = ".xnai-new"
# A multiple of three: base64 without padding in between.
_ITEM_BYTES = 24 << 10


def written(path: str, mode: str, owner: str = "") -> str:
    """Return shell code that writes base64 from its input to a file that is whole or not there.

    The new file takes the name by rename(2): what had it, a link too, is replaced, not followed.

    Args:
        path: where, absolute.
        mode: as 0644.
        owner: `user:group`; whose the writer's are by default.
    """
    target, new = shlex.quote(path), shlex.quote(path + NEW)
    directory = shlex.quote(path.rpartition("/")[0])
    own = f"chown {shlex.quote(owner)} {new} && " if owner else ""
    return (
        f"umask 022; mkdir -p {directory} && umask 077 && rm -rf {new} && base64 -d > {new} && "
        f"{own}chmod {mode} {new} && sync {new} && mv -f -T {new} {target}"
    )


def put(
    path: str, content: bytes, mode: str = "0600", owner: str = "root", group: str = "root",
) -> Limited:
    """Return the command that writes one of root's files.

    Args:
        path: where, absolute; directories that are missing are made (0755).
        content: of the file.
        mode: as 0644.
        owner: user who owns it.
        group: that owns it.
    """
    # Also for root: a directory may hand its own group down.
    return sent(written(path, mode, f"{owner}:{group}"), content)


def put_as(user: str, path: str, content: bytes, mode: str = "0644") -> Limited:
    """Return the command by which a user writes a file, with no more rights than that user has.

    Root would follow a link that the user, or what broke out of a container, had put there.

    Args:
        user: owner, who does the writing.
        path: where, absolute; directories that are missing are made (0755).
        content: of the file.
        mode: as 0644.
    """
    return sent(
        # In a directory that the user may enter: runuser keeps root's.
        f"cd / && runuser -u {shlex.quote(user)} -- sh -c {shlex.quote(written(path, mode))}",
        content,
    )


def sent(code: str, content: bytes, limit_s: int = FETCH_LIMIT_S) -> Limited:
    """Return the command that runs shell code with base64 of some content as its input.

    Args:
        code: what reads it; `base64 -d` gives the content.
        content: any bytes.
        limit_s: until it is ended, in seconds.
    """
    # pyinfra ends each item with a newline and sends it alone: neither too many nor too large.
    items = [
        base64.b64encode(content[start : start + _ITEM_BYTES]).decode("ascii")
        for start in range(0, len(content), _ITEM_BYTES)
    ]
    return Limited(code, limit_s=limit_s, _stdin=items or [""])
