"""`xnai fit`: what a language model's file needs, and whether a machine holds it."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import click
from pyinfra.api.host import Host

from xnai.diagnostics.blocks import printable
from xnai.diagnostics.table import aligned
from xnai.memory import model_fit
from xnai.memory.model_fit import MemoryBudget, ModelFit, other_services_mib
from xnai.models.found import ModelFile
from xnai.models.shape import Shape
from xnai.run import inspect as looking
from xnai.run.context import current
from xnai.run.inspect import Where, WrongCall
from xnai.run.model_files import model_files
from xnai.run.options import FINDINGS, GOOD, UNKNOWN, only_hosts, print_errors, with_hosts
from xnai.settings import layers
from xnai.settings.model import Settings
from xnai.stack.catalogue import SCHEMA, limits_and_swap_mib
from xnai.stack.services.llm import BUILT_IN, LlmSettings

_SERVICE = "llm"


@dataclass(frozen=True)
class Row:
    """A file with one length of the context.

    Attributes:
        file: what was found of it.
        fit: None where its header says too little.
    """

    file: ModelFile
    fit: ModelFit | None


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--context", "contexts", multiple=True, type=click.IntRange(256, 1 << 20), metavar="TOKENS",
    help="Length of the context; may be repeated.  [default: llm_context_tokens]",
)
@only_hosts
@with_hosts
def fit(
    files: tuple[str, ...], contexts: tuple[int, ...], hosts: tuple[str, ...],
    inventory_file: str, group_data: tuple[str, ...], data: tuple[str, ...], as_json: bool,
) -> None:
    """Say what memory a model needs, and whether each host holds it beside the other services.

    FILE is a GGUF file on the host: for another machine than this one, by its absolute path there.
    Its header alone is read, nothing is loaded. Exit code 0: all fit; 1: one does not; 2: that
    could not be told.
    """
    if not all(files):
        raise WrongCall("an empty name is no file")
    try:
        # Its links are the host's.
        paths = [os.path.abspath(one) for one in dict.fromkeys(files)]  # noqa: PTH100
    except FileNotFoundError:
        raise WrongCall("the current directory is gone: name files by absolute paths") from None
    where = Where(inventory_file, group_data, data)

    def question(host: Host) -> list[Row]:
        settings = current(host)
        machine = _machine(host, settings)
        tokens = tuple(dict.fromkeys(contexts)) or (settings.of(LlmSettings).llm_context_tokens,)
        return [
            Row(file, model_fit.fit(file.shape, context, machine) if file.shape else None)
            for file in model_files(host, paths)
            for context in (tokens if file.shape else tokens[:1])
        ]

    answers = looking.ask_named(where, hosts, question)
    if as_json:
        click.echo(json.dumps(
            {one.host: _plain(one.value) if one.value else {"error": one.error} for one in answers},
            indent=2,
        ))
    for one in answers:
        if one.value and not as_json:
            click.echo("\n".join([f"[{one.host}]", *_lines(one.value)]))
    print_errors(answers)
    rows = [row for one in answers for row in one.value or ()]
    if any(one.error for one in answers) or any(row.fit is None for row in rows):
        sys.exit(UNKNOWN)
    sys.exit(FINDINGS if any(row.fit and row.fit.binds for row in rows) else GOOD)


def _machine(host: Host, settings: Settings) -> MemoryBudget:
    # Before anything is derived: None where nobody set it.
    checked, _ = SCHEMA.check(layers.layers(host))
    return MemoryBudget(
        ram_mib=settings.ram_mib,
        reserve_mib=settings.host_reserve_mib,
        zram_mib=settings.zram_size_mib,
        ratio=settings.zram_assumed_ratio,
        others_mib=other_services_mib(limits_and_swap_mib(settings), _SERVICE),
        limit_mib=checked[f"{_SERVICE}_memory_limit_mib"],
        least_limit_mib=BUILT_IN.memory.limit_mib if BUILT_IN.memory else 0,
        swap_mib=checked[f"{_SERVICE}_swap_mib"],
    )


def _plain(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [
        {"file": row.file.path, "why_not_known": row.file.why or None}
        | ({"name": row.file.shape.name, "architecture": row.file.shape.architecture,
            "trained_tokens": row.file.shape.trained_tokens} if row.file.shape else {})
        | ({f"{name}_bytes" if name != "context_tokens" else name: value
            for name, value in asdict(row.fit.needs).items()}
           | {"total_bytes": row.fit.needs.total, "limit_mib": row.fit.limit_mib,
              "fits": not row.fit.binds, "binds": row.fit.binds or None,
              "longest_context_tokens": row.fit.longest_tokens} if row.fit else {})
        for row in rows
    ]


def _lines(rows: Sequence[Row]) -> list[str]:
    names = _short_names([row.file.path for row in rows])
    lines = aligned([
        _columns(names[row.file.path], row.file.shape, row.fit)
        for row in rows if row.fit and row.file.shape
    ])
    for row in rows:
        name = names[row.file.path]
        if row.fit is None or row.file.shape is None:
            lines.append(f"{printable(row.file.path)}: {row.file.why}")
            continue
        tokens, trained = row.fit.needs.context_tokens, row.file.shape.trained_tokens
        if row.fit.binds:
            longest = row.fit.longest_tokens
            shorter = f"; it fits with --context {longest}" if longest else ""
            lines.append(f"{name} with {tokens} tokens does not fit, by {row.fit.binds}{shorter}")
        if 0 < trained < tokens:
            lines.append(
                f"{name} was trained for {trained} tokens: memory is held for {tokens}, and not "
                "used beyond that"
            )
    return [f"  {line}" for line in lines]


def _short_names(paths: Sequence[str]) -> dict[str, str]:
    """Return path -> the file's name, or the whole path where another file has that name."""
    names = Counter(os.path.basename(path) for path in set(paths))  # noqa: PTH119
    return {
        path: printable(name if names[name] == 1 else path)
        for path in paths for name in (os.path.basename(path),)  # noqa: PTH119
    }


def _columns(name: str, known: Shape, found: ModelFit) -> dict[str, str]:
    needs = found.needs
    return {
        "model": name,
        "kind": known.architecture,
        "context": str(needs.context_tokens),
        "weights MiB": str(needs.weights >> 20),
        "context MiB": str(needs.context >> 20),
        "computing MiB": str(needs.compute >> 20),
        "server MiB": str(needs.server >> 20),
        "needs MiB": str(needs.total_mib),
        "limit MiB": str(found.limit_mib),
        "fits": "no" if found.binds else "yes",
        "longest context": str(found.longest_tokens or "none"),
    }
