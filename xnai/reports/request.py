"""The research request: what is known, what hurts, and what is asked."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from xnai.diagnostics.markdown_table import table
from xnai.reports import audits, incidents, memory
from xnai.reports.measurements import Measurements

_MATRIX = Path(__file__).with_name("data") / "matrix.toml"
_IS = ("yes", "partly", "no")
NOT_KNOWN = "not known"


@dataclass(frozen=True)
class Cell:
    """What is known of a feature of a product.

    Attributes:
        value: yes, partly or no.
        source: where that was read.
        date: of the source, as 2026-07-28.
        seen_by: reading or trying.
    """

    value: str
    source: str
    date: str
    seen_by: str


@cache
def matrix() -> tuple[tuple[str, ...], dict[str, dict[str, Cell]]]:
    """Return the products, and feature -> product -> what is known.

    Raises:
        ValueError: a cell is no cell; the text says which.
    """
    data = tomllib.loads(_MATRIX.read_text("utf-8"))
    products = tuple(data["products"])
    features: dict[str, dict[str, Cell]] = {}
    for one in data["feature"]:
        cells = {}
        for product, said in one["cells"].items():
            if product not in products or said["is"] not in _IS:
                raise ValueError(f"{_MATRIX.name}: {one['name']}: {product}: {said}")
            cells[product] = Cell(said["is"], said["source"], said["date"], said["seen_by"])
        features[one["name"]] = cells
    return products, features


def build(page: str, found: Measurements) -> str:
    """Return the part on build infrastructure."""
    return "\n\n".join((
        "**State**", audits.in_short(page, found),
        "**Pain points:** what the audit found first, in the build report's section on the build "
        "system; incidents:", incidents.in_short(page, found),
        "**Questions**",
        "\n".join((
            "1. Of Taskfile, just, Nix and Bazel: which one replaces a Makefile of this size at "
            "least cost, and what does each need on a workstation?",
            "2. Which images may be built at the same time within this machine's memory, and what "
            "does it save?",
            "3. What of this can a CI without a privileged runner prove (rootless builds, health "
            "of the whole stack)?",
        )),
    ))


def industry() -> str:
    """Return the part on the industry: the matrix with its sources, and the road map."""
    products, features = matrix()
    numbers: dict[Cell, int] = {}
    rows = []
    for feature, cells in features.items():
        row = [feature]
        for product in products:
            cell = cells.get(product)
            row.append(
                NOT_KNOWN if cell is None
                else f"{cell.value} [{numbers.setdefault(cell, len(numbers) + 1)}]"
            )
        rows.append(row)
    sources = [
        f"{number}. {cell.source}, {cell.date}, seen by {cell.seen_by}"
        for cell, number in numbers.items()
    ]
    return "\n\n".join((
        "**Features against the nearest products.** A cell without a source is not known.",
        table(("feature", *products), rows), "\n".join(sources),
        "**Road map, one to two years**",
        table(("stage", "when", "what"), (
            ("MVP", "0 to 3 months", "one workstation, healthy and measured: triage, repair, "
             "memory, reports"),
            ("scale", "3 to 12 months", "an engine outside of the stack by name, GPUs, models by "
             "digest; reach from other machines with TLS and one login; a second machine"),
            ("enterprise", "12 to 24 months", "fleets, policy, export to Kubernetes"),
        )),
        "**Questions:** which of the cells that are not known would change the order of this road "
        "map? What do the products that have a feature do that users complain of?",
    ))


def memory_part(page: str, found: Measurements) -> str:
    """Return the part on zram and memory."""
    return "\n\n".join((
        "**Measured**", memory.zram(page, found), memory.in_short(page, found),
        "**Questions**",
        "\n".join((
            "1. What compression ratio is to be expected of this stack's pages: quantised weights, "
            "Python heaps, a browser's?",
            "2. At which pressure (PSI) should idle memory be given back, and by whom?",
            "3. How do limits of control groups and vm.swappiness act together where zram's pages "
            "are charged to nobody?",
            "4. What is to be swapped, and what kept resident: a model's weights are file pages, "
            "which no zram holds.",
        )),
    ))
