"""A program for a host that runs from memory: sent on standard input, and written nowhere."""

from __future__ import annotations

import base64
import shlex

from xnai.programs.pack import pack
from xnai.remote.limit import Limited

# pyinfra ends each item with a newline and sends it alone.
_ITEM_BYTES = 24 << 10


def from_memory(name: str, main: str, limit_s: int, before: str = "") -> Limited:
    """Return the command that runs a program of this package.

    Args:
        name: that the kernel shows for it.
        main: its code, as xnai.programs.pack takes it.
        limit_s: how long it may take, in seconds.
        before: shell code that ends in ` && `, or empty.
    """
    packed = pack(main)
    items = [
        base64.b64encode(packed[at : at + _ITEM_BYTES]).decode("ascii")
        for at in range(0, len(packed), _ITEM_BYTES)
    ]
    # A program is no file that Python could be given: an anonymous one of the kernel's memory is.
    code = (
        f"import base64,os,sys;f=os.memfd_create({name!r},0);"
        "os.write(f,base64.b64decode(sys.stdin.buffer.read()));"
        "os.execv(sys.executable,[sys.executable,'-I','-B','/proc/self/fd/%d'%f])"
    )
    return Limited(
        f"cd / && {before}exec python3 -I -B -c {shlex.quote(code)}", limit_s=limit_s,
        kill_after_s=5, _stdin=items,
    )
