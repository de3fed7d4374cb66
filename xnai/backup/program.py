"""Modules of this package as one file that the host's Python runs."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def pack(main: str, modules: Sequence[str]) -> bytes:
    """Return a program for `python3 FILE`.

    Args:
        main: its code.
        modules: what it imports of this package, as backup/podman; the standard library is there.
    """
    files = {"__main__.py": main, "xnai/__init__.py": ""}
    files |= {f"xnai/{module.split('/')[0]}/__init__.py": "" for module in modules}
    for module in modules:
        files[f"xnai/{module}.py"] = (_PACKAGE / f"{module}.py").read_text("utf-8")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return packed.getvalue()
