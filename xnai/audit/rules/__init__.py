"""The rules: one class a module, found by looking into this directory."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from xnai.audit.rule import Rule


@cache
def all_rules() -> tuple[Rule, ...]:
    """Return one object of every rule, ordered by id."""
    found = []
    for module in pkgutil.iter_modules(__path__):
        loaded = importlib.import_module(f"{__name__}.{module.name}")
        found += [
            value() for value in vars(loaded).values()
            if isinstance(value, type) and issubclass(value, Rule) and value is not Rule
            and value.__module__ == loaded.__name__
        ]
    return tuple(sorted(found, key=lambda rule: rule.id))
