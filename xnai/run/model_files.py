"""Ask a host what its model files are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pyinfra.api.host import Host
from pyinfra.context import ctx_state

from xnai.diagnostics.blocks import printable
from xnai.models.found import ModelFile
from xnai.models.needs import needs
from xnai.models.shape import KeptLayer, Shape
from xnai.programs.from_memory import from_memory
from xnai.remote.limit import Limited
from xnai.run.pyinfra import connector_arguments
from xnai.stack.catalogue import SCHEMA

# A header has some 10 MB, on a disk that may be busy.
_LIMIT_S = 60
_MAIN = """\
import sys

from xnai.models.host import main

sys.exit(main({paths!r}))
"""


def of_settings(host: Host, checked: Mapping[str, Any]) -> dict[str, ModelFile]:
    """Return service -> what was found of the model's file that the settings let it map.

    Args:
        host: connected; it is not asked where the settings name no file.
        checked: every setting with its checked value.
    """
    named = named_models(checked)
    if not named:
        return {}
    found = model_files(host, list(named.values()))
    return with_needs(dict(zip(named, found, strict=True)), checked)


def named_models(checked: Mapping[str, Any]) -> dict[str, str]:
    """Return service -> path of the model's file that it maps."""
    return {
        one.mapped_by: checked[one.name]
        for one in SCHEMA.declarations.values() if one.mapped_by and checked[one.name]
    }


def with_needs(
    found: Mapping[str, ModelFile], checked: Mapping[str, Any]
) -> dict[str, ModelFile]:
    """Return the same with what each needs for the context of its service's settings."""
    return {
        service: replace(one, needs=needs(one.shape, checked[f"{service}_context_tokens"]))
        if one.shape else one
        for service, one in found.items()
    }


def model_files(host: Host, paths: Sequence[str]) -> list[ModelFile]:
    """Return what was found of each file, in order; it is asked in one command.

    Args:
        host: connected.
        paths: absolute, on the host.
    """
    asked = command(paths)
    how = connector_arguments(host, ctx_state.get()) | asked.connector_arguments
    _, output = host.run_shell_command(asked, **how)
    return parse(paths, output.stdout_lines, output.stderr_lines)


def command(paths: Sequence[str]) -> Limited:
    """Return the command that reads the headers of some files."""
    return from_memory("xnai-models", _MAIN.format(paths=tuple(paths)), _LIMIT_S)


def parse(
    paths: Sequence[str], lines: Sequence[str], errors: Sequence[str] = ()
) -> list[ModelFile]:
    """Return what a host's answer to that command says of each file.

    Args:
        paths: those that the command was made with.
        lines: of its standard output.
        errors: of its standard error.
    """
    found = []
    for path, line in zip(paths, lines, strict=False):
        try:
            found.append(_found(path, json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError):
            break
    said = printable(" ".join([*errors, *lines[len(found):]][-3:])[:300])
    why = f"its header was not read within {_LIMIT_S} s; the host said " + (
        f"{said!r} (python3 is needed there)" if said else "nothing"
    )
    return found + [ModelFile(path, why=why) for path in paths[len(found):]]


def _found(path: str, answer: dict[str, Any]) -> ModelFile:
    if "why" in answer:
        # The host repeats what the file says.
        why = printable(str(answer["why"])[:500])
        return ModelFile(path, why=why, wrong=bool(answer["wrong"]))
    values = answer["shape"]
    layers = tuple(KeptLayer(**one) for one in values.pop("layers"))
    values["name"] = printable(values["name"])
    return ModelFile(path, Shape(layers=layers, **values))
