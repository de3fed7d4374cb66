"""Modules of this package as one file that the host's Python runs."""

from __future__ import annotations

import ast
import io
import zipfile
from pathlib import Path, PurePosixPath

_CHECKOUT = Path(__file__).parents[2]


def pack(main: str) -> bytes:
    """Return a program and what it imports of this package as one file for `python3 FILE`.

    Args:
        main: its code. Only `from xnai… import …` is followed; the rest must be of the standard
            library of Python 3.11 and newer, which the hosts have.

    Raises:
        ValueError: this package is imported in another way, which would be missing on the host.
    """
    modules: set[str] = set()
    _follow(main, modules)
    files = {"__main__.py": main}
    for module in sorted(modules):
        for package in PurePosixPath(module).parents[:-1]:
            files.setdefault(f"{package}/__init__.py", "")
        files[f"{module}.py"] = _text(module)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return packed.getvalue()


def _follow(code: str, found: set[str]) -> None:
    """Add to `found` the paths, without .py, of this package's modules that `code` imports."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import) and any(one.name.startswith("xnai") for one in node.names):
            raise ValueError(f"line {node.lineno}: write it as: from xnai… import …")
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("xnai"):
            continue
        whole = str(node.module).replace(".", "/")
        # What is imported from a package is a module.
        for path in [whole] if _is_module(whole) else [f"{whole}/{n.name}" for n in node.names]:
            if path not in found:
                found.add(path)
                _follow(_text(path), found)


def _is_module(path: str) -> bool:
    return (_CHECKOUT / f"{path}.py").is_file()


def _text(path: str) -> str:
    return (_CHECKOUT / f"{path}.py").read_text("utf-8")
