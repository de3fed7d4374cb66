"""What holds for every operation of the package."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path

from pyinfra.api.arguments import all_global_arguments

import xnai.operations


def operations() -> dict[str, object]:
    """Every operation, as module.name."""
    return {
        f"{entry.name}.{name}": value
        for entry in pkgutil.iter_modules(xnai.operations.__path__)
        for name, value in vars(importlib.import_module(f"xnai.operations.{entry.name}")).items()
        if hasattr(value, "_inner")
    }


def test_every_operation_is_tested():
    files = Path(__file__).parents[1].rglob("test_*.py")
    tests = "".join(path.read_text("utf-8") for path in files)
    assert len(operations()) >= 8
    assert [name for name in operations() if f"{name}" not in tests] == []


def test_no_argument_is_one_of_pyinfras_own():
    own = {name for name, _ in all_global_arguments()}
    for name, operation in operations().items():
        arguments = set(inspect.signature(operation._inner).parameters)
        assert not arguments & own, name
