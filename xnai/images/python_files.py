"""Whether the Python files that go into an image can be compiled: tried before a long build."""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path

from xnai.images.model import CopiedPath
from xnai.images.tree import copied_files


def unparsable(copies: Iterable[CopiedPath], python: str) -> list[str]:
    """Return a sentence for each Python file that this Python cannot read.

    Args:
        copies: what goes into the image.
        python: the image's version, such as 3.12; where this one is older nothing is judged, for
            it may know less.
    """
    if sys.version_info[:2] < tuple(map(int, python.split("."))):
        return []
    found = []
    for file in copied_files(copies).values():
        if file.suffix == ".py" and (wrong := _wrong(file)):
            found.append(f"{file}:{wrong}. Mend it, or leave it out by 'exclude'")
    return found


def _wrong(file: Path) -> str:
    """Line and reason, or an empty text."""
    try:
        with warnings.catch_warnings(action="ignore"):
            ast.parse(file.read_bytes())
    except SyntaxError as error:
        return f"{error.lineno}: {type(error).__name__}: {error.msg}"
    except ValueError as error:  # a NUL in it
        return f"1: {error}"
    return ""
