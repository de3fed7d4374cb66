"""Which words of Podman the product uses, as a table."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TABLE: dict[str, Any] = tomllib.loads((Path(__file__).parent / "podman_words.toml").read_text())
_OPTION = re.compile(r"(?<![\w-])--([a-z][a-z-]+)")
# `xnai lab` and `xnai audit` start no container of the product's.
_APART = ("xnai/lab/", "xnai/audit/")


def used() -> dict[str, str]:
    """Return every long option in the files that name Podman -> a place where it stands."""
    found: dict[str, str] = {}
    for path in sorted([*ROOT.glob("xnai/**/*.py"), *ROOT.glob("tasks/*.py")]):
        name = str(path.relative_to(ROOT))
        text = path.read_text("utf-8")
        if name.startswith(_APART) or "podman" not in text.lower():
            continue
        tree = ast.parse(text)
        words = {
            id(node.body[0].value) for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and (
                id(node) not in words
            ):
                for option in _OPTION.findall(node.value):
                    found.setdefault(option, f"{name}:{node.lineno}")
    for folder in ("stack", "containers", "images"):
        for path in sorted((ROOT / "templates" / folder).glob("*.j2")):
            if "podman" not in path.read_text("utf-8").lower() or path.name.startswith("Docker"):
                continue
            for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
                for option in _OPTION.findall(line):
                    found.setdefault(option, f"{path.relative_to(ROOT)}:{number}")
    return found


def since(command: str, option: str = "") -> tuple[int, ...] | None:
    """Return the version with which a word came; None where Podman 4.3.1 had it."""
    words = TABLE["since"].get(f"{command} --{option}" if option else command)
    return tuple(map(int, words.split("."))) if words else None
