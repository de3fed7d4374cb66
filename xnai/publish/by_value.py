"""The stack's own secrets, looked for by value on the host that has them; they never leave it."""

from __future__ import annotations

import base64
import gzip
import json
import shlex
from collections.abc import Mapping
from typing import Any

from xnai.programs.pack import pack
from xnai.publish.scan import SecretPlace
from xnai.remote.limit import Limited
from xnai.settings.model import Settings
from xnai.stack.catalogue import secret_forms

MARK = "@@xnai-by-value "
_MAIN = """\
import json

from xnai.publish.host import main

main(json.loads({text!r}))
"""
# The program first, then the files, both on the input; neither is written anywhere.
_FROM_MEMORY = (
    "import base64,os,sys;d=sys.stdin.buffer.read().split(b'.');"
    "f=os.memfd_create('xnai-by-value',0);os.write(f,base64.b64decode(d[0]));"
    "r,w=os.pipe();p=os.fork();"
    "p or (os.close(r),os.fdopen(w,'wb').write(base64.b64decode(d[1])),os._exit(0));"
    "os.close(w);os.dup2(r,0);"
    "os.execv(sys.executable,[sys.executable,'-I','-B','/proc/self/fd/%d'%f])"
)
_ITEM_BYTES = 24 << 10


def command(settings: Settings, files: Mapping[str, bytes]) -> Limited:
    """Return the command that looks for the secrets of a host in files.

    Args:
        settings: of the host.
        files: path -> content.
    """
    spec: dict[str, Any] = {
        "secrets": [name for forms in secret_forms(settings) for name in forms],
    }
    texts = {path: data.decode("utf-8", "replace") for path, data in files.items()}
    packed = base64.b64encode(pack(_MAIN.format(text=json.dumps(spec))))
    sent = base64.b64encode(gzip.compress(json.dumps(texts).encode(), mtime=0))
    whole = packed + b"." + sent
    items = [
        whole[at : at + _ITEM_BYTES].decode("ascii") for at in range(0, len(whole), _ITEM_BYTES)
    ]
    return Limited(
        f"cd / && exec python3 -I -B -c {shlex.quote(_FROM_MEMORY)}", limit_s=120, kill_after_s=5,
        _stdin=items,
    )


def found(lines: list[str]) -> list[SecretPlace] | None:
    """Return what the host found; None where it could not tell."""
    said = [line.removeprefix(MARK) for line in lines if line.startswith(MARK)]
    if len(said) != 1:
        return None
    data = json.loads(said[0])
    if data["error"]:
        return None
    return [
        SecretPlace(path, line, f"the stack's secret {name}, by its value")
        for path, line, name in data["found"]
    ]
