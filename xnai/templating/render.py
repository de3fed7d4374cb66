"""Renders templates/: the only place that turns values into files."""

from __future__ import annotations

import shlex
from functools import cache
from pathlib import Path

import jinja2

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates"
MANAGED_BY = "# Managed by xnai"


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701  (configuration files, never HTML)
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["quote"] = shlex.quote
    return environment


def render(template: str, /, **values: object) -> str:
    """Return the text of `template`, a path below templates/, with `values` filled in.

    Raises:
        jinja2.UndefinedError: the template names a value that was not given.
        ValueError: the first lines lack the managed-by header, by which our files are known.
    """
    text = _environment().get_template(template).render(values)
    if MANAGED_BY not in "\n".join(text.splitlines()[:2]):
        raise ValueError(f"templates/{template}: must begin with {MANAGED_BY!r}")
    return text
