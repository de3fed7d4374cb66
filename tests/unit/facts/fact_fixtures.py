"""Fixtures of facts: a folder per fact, a folder per case with `output` and `expected.json`."""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import pkgutil
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pyinfra.api.facts import FactBase

import xnai.facts
import xnai.operations
from xnai.facts.podman_call import PodmanUnknown

FIXTURES = Path(__file__).parent / "fixtures"

# sh, dash and bash, each program once: on Debian sh is dash.
SHELLS = sorted(
    {os.path.realpath(found): name for name in ("bash", "dash", "sh")
     if (found := shutil.which(name))}.values()
)


def fact_classes() -> dict[str, type[FactBase[Any]]]:
    """Return every fact class that xnai.facts and xnai.operations define, by name."""
    found = {}
    for package in (xnai.facts, xnai.operations):
        for entry in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{entry.name}")
            for name, value in vars(module).items():
                if (
                    isinstance(value, type)
                    and issubclass(value, FactBase)
                    and value.__module__ == module.__name__
                ):
                    found[name] = value
    return found


def output(fact: str, case: str) -> list[str]:
    """Return a case's lines as pyinfra would hand them on."""
    return (FIXTURES / fact / case / "output").read_text("utf-8").splitlines()


def expected(fact: str, case: str) -> object:
    """Return what must come out, in the form of `plain`."""
    return json.loads((FIXTURES / fact / case / "expected.json").read_text("utf-8"))


def plain(value: object) -> object:
    """Return a fact's value as JSON has it: sets sorted, bytes as text, the unknown as a word."""
    if isinstance(value, PodmanUnknown):
        return "unknown"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value
