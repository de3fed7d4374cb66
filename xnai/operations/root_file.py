"""Root's own files on a host: written beside their place and renamed, never through a link."""

from __future__ import annotations

import shlex
from collections.abc import Generator, Sequence

from pyinfra.api.command import StringCommand
from pyinfra.api.operation import operation

from xnai.remote import content


@operation()
def put(text: str, path: str, mode: str = "0644") -> Generator[StringCommand, None, None]:
    """Put a file of root's in place.

    Args:
        text: the content.
        path: where, absolute.
        mode: as 0644.
    """
    yield content.put(path, text.encode(), mode)


@operation()
def remove(paths: Sequence[str]) -> Generator[str, None, None]:
    """Remove files of root's; a link goes itself, not what it points to.

    Args:
        paths: absolute, at least one.
    """
    yield f"rm -f {shlex.join(paths)}"


@operation()
def set_aside(path: str, aside: str) -> Generator[str, None, None]:
    """Rename a file, and take nothing away that has the new name already.

    Args:
        path: the file, absolute.
        aside: its new name; where somebody has it, the first free one of `aside.1`, `aside.2`, ...
    """
    old, new = shlex.quote(path), shlex.quote(aside)
    # Not mv --no-clobber, which does nothing and says 0 where the name is taken. By ln, which
    # makes a name or fails, in one step.
    yield (
        f"n={new}; i=0; until ln -T {old} \"$n\" 2>/dev/null; do "
        f"if [ ! -e \"$n\" ] && [ ! -L \"$n\" ]; then ln -T {old} \"$n\"; exit 1; fi; "
        f"i=$((i+1)); [ $i -le 99 ] || exit 1; n={new}.$i; done; rm -f {old}; "
        'echo "set aside as $n"'
    )
