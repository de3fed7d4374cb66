"""Names of cached things, made from what they are built from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path


def recipe_hash(parts: Mapping[str, str | bytes]) -> str:
    """Digest a recipe so that any change of a part gives another name.

    Args:
        parts: named ingredients; their order does not matter.

    Returns:
        16 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for name in sorted(parts):
        value = parts[name]
        data = value.encode() if isinstance(value, str) else value
        # Lengths keep ("ab", "c") and ("a", "bc") apart.
        digest.update(f"{len(name)}:{name}:{len(data)}:".encode())
        digest.update(data)
    return digest.hexdigest()[:16]


def tree_parts(root: Path) -> dict[str, bytes]:
    """Read every regular file below a folder as recipe parts.

    Args:
        root: the folder to read.

    Returns:
        Contents by path relative to the folder.
    """
    files = (p for p in root.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return {str(p.relative_to(root)): p.read_bytes() for p in files}


def file_digest(path: Path) -> str:
    """Digest a file of any size.

    Args:
        path: the file.

    Returns:
        SHA-256, 64 hexadecimal digits.
    """
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
