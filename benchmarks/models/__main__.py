"""`python -m benchmarks.models`: what our server holds of a model, beside what `xnai fit` says.

Each model has true dimensions and random weights. The service runs by its own lock, as in its
container; a prompt of 512 tokens fills a batch. What is compared is the part that depends on the
model: what a model of 300 tokens and one layer takes is subtracted on both sides.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.models.made import MODELS, make
from benchmarks.models.served import held_mib
from benchmarks.pairs import RESULTS, commit_of
from xnai.models.gguf import read
from xnai.models.needs import needs
from xnai.models.shape import shape

CONTEXTS = (2048, 8192)
_SMALLEST, _SHORTEST = "tiny", 256


@dataclass(frozen=True)
class Row:
    """A model with one length of the context; all sizes in MiB.

    Attributes:
        model: its name.
        architecture: as llama.cpp calls it.
        context_tokens: asked for.
        predicted_mib: of the header, without the server.
        measured_mib: most resident at a time, without the server.
        error: (predicted - measured) / measured.
        anonymous_mib: of the resident pages, those that swap would take.
        file_mib: those of files: weights and libraries.
        load: of the machine.
    """

    model: str
    architecture: str
    context_tokens: int
    predicted_mib: float
    measured_mib: float
    error: float
    anonymous_mib: float
    file_mib: float
    load: float


def _made(folder: Path, name: str) -> Path:
    path = folder / f"{name}.gguf"
    if not path.exists():
        make(path, MODELS[name])
    return path


def _needs_mib(path: Path, context_tokens: int) -> float:
    return needs(shape(read(path)), context_tokens).total / 2**20


def _row(python: Path, path: Path, tokens: int, base: tuple[float, float]) -> Row:
    """Measure a model; `base`: what the smallest one takes, measured and predicted."""
    most, anonymous, of_files = held_mib(python, path, tokens)
    measured, predicted = most - base[0], _needs_mib(path, tokens) - base[1]
    return Row(
        path.stem, shape(read(path)).architecture, tokens, round(predicted, 1),
        round(measured, 1), round((predicted - measured) / measured, 4), round(anonymous, 1),
        round(of_files, 1), round(os.getloadavg()[0], 2),
    )


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the rows as the lines of docs/models.md."""
    return [
        "| model | tokens of context | predicted | measured | error | of it anonymous |",
        "| --- | --- | --- | --- | --- | --- |",
        *(
            f"| {row['model']} | {row['context_tokens']:,} | {row['predicted_mib']:,.0f} | "
            f"{row['measured_mib']:,.0f} | {row['error']:+.1%} | {row['anonymous_mib']:,.0f} |"
            for row in rows
        ),
    ]


def main() -> int:
    """Measure, keep the rows, and print them as the documentation has them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", type=Path, required=True,
                        help="of an environment with the lock of files/services/llm")
    parser.add_argument("--only", choices=list(MODELS)[1:], action="append")
    parser.add_argument("--folder", type=Path, help="keeps the models; they have some 15 GB")
    given = parser.parse_args()
    kept = RESULTS / "models.json"
    rows = [
        row for row in (json.loads(kept.read_text())["rows"] if kept.exists() else [])
        if given.only and row["model"] not in given.only
    ]
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        path = _made(folder, _SMALLEST)
        base = held_mib(given.python, path, _SHORTEST)[0], _needs_mib(path, _SHORTEST)
        print(f"the server alone: {base[0]:.0f} MiB", file=sys.stderr)
        for name in given.only or list(MODELS)[1:]:
            path = _made(folder, name)
            for tokens in CONTEXTS:
                row = _row(given.python, path, tokens, base)
                print(row, file=sys.stderr)
                rows.append(asdict(row))
                kept.write_text(json.dumps(
                    {"commit": commit_of(), "server_mib": round(base[0], 1), "rows": rows},
                    indent=1,
                ) + "\n")
            if given.folder is None:
                path.unlink()
    print("\n".join(table(rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
