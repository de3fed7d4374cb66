"""One measurement of a host, from its begin to the files that it leaves."""

from __future__ import annotations

import base64
import binascii
import datetime
import gzip
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyinfra.api.host import Host
from pyinfra.context import ctx_state

from xnai.baseline import desktop
from xnai.baseline.bundle import NothingToMeasure, PhasePlan, command, fetch, make_spec
from xnai.baseline.model import BrokenSamples, MeasuredRun, read
from xnai.baseline.render import tables, text
from xnai.baseline.summary import summary
from xnai.remote.limit import Limited
from xnai.run.context import current
from xnai.run.pyinfra import HostFailed, connector_arguments

SAMPLES, SUMMARY = "samples.jsonl", "baseline.json"
_MARKDOWN, _PAGE, _PICTURE = "baseline.md", "baseline.html", "baseline.png"


@dataclass(frozen=True)
class Written:
    """What a measurement left.

    Attributes:
        folder: with all its files.
        summary: the figures.
    """

    folder: Path
    summary: dict[str, Any]


def measure(host: Host, wanted: PhasePlan, into: Path, version: str) -> Written:
    """Measure a host and write what was measured.

    Args:
        host: connected.
        wanted: the phases.
        into: folder with a folder a host.
        version: of this project.

    Raises:
        HostFailed: it refused, or the samples did not come back whole.
    """
    settings = current()
    try:
        spec = make_spec(settings, wanted)
    except NothingToMeasure as nothing:
        raise HostFailed(str(nothing)) from None
    began = datetime.datetime.now(datetime.UTC)
    well, output = _run(host, command(spec), shown=True)
    if not well:
        said = [line for line in output.stdout_lines if line.startswith("refused: ")]
        raise HostFailed(
            said[-1].removeprefix("refused: ") if said
            else f"the measurement did not come to its end: {' '.join(output.stderr_lines[-3:])}"
        )
    well, output = _run(host, fetch(spec), shown=False)
    try:
        packed = base64.b64decode("".join(output.stdout_lines), validate=True)
        lines = gzip.decompress(packed).decode().splitlines()
        run = read(lines)
    except (binascii.Error, OSError, EOFError, UnicodeDecodeError, BrokenSamples) as error:
        raise HostFailed(f"the samples did not come back whole: {error}") from None
    is_here = host.name == "@local"
    found = summary(run) | {
        "host": host.name, "began": began.isoformat(timespec="seconds"), "version": version,
        "wanted": {"cold": wanted.cold, "steady_s": wanted.steady_s,
                   "requests": wanted.requests, "recovery_s": wanted.recovery_s},
        "desktop": desktop.holders() if is_here else None,
    }
    return write(into / folder_of(host.name), began, run, found, "\n".join(lines) + "\n")


def _run(host: Host, asked: Limited, shown: bool) -> Any:
    how = connector_arguments(host, ctx_state.get()) | asked.connector_arguments
    return host.run_shell_command(asked, print_output=shown, **how)


def folder_of(host: str) -> str:
    """Return the name of a host's folder."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", host).lstrip("._")


def earlier(folder: Path) -> tuple[str, dict[str, Any]] | None:
    """Return the newest run of a host that has a summary, with its folder's name; or None."""
    for one in sorted((path for path in folder.glob("*") if path.is_dir()), reverse=True):
        try:
            return one.name, json.loads((one / SUMMARY).read_text("utf-8"))
        except (OSError, ValueError):
            continue
    return None


def write(
    of_host: Path, began: datetime.datetime, run: MeasuredRun, found: dict[str, Any], samples: str
) -> Written:
    """Write a run's files into a folder of its own, named by its begin; whole or not at all.

    Args:
        of_host: the host's folder.
        began: when it began.
        run: what was measured.
        found: its figures.
        samples: the raw samples, a line each.
    """
    # Half a second of imports, which no other command waits for.
    from xnai.baseline.render import plots

    before = earlier(of_host)
    shown = report_tables(found, before)
    title = f"Memory baseline of {found['host']}"
    lead = (
        f"Measured {began:%Y-%m-%d %H:%M} UTC by xnai {found['version']}; raw samples in "
        f"{SAMPLES}, figures in {SUMMARY}."
    )
    name = f"{began:%Y-%m-%dT%H%M%SZ}"
    new = of_host / f".{name}.new"
    new.mkdir(parents=True)
    for file, data in {
        SAMPLES: samples.encode(),
        SUMMARY: (json.dumps(found, indent=1, sort_keys=True) + "\n").encode(),
        _MARKDOWN: text.markdown(title, lead, shown, _PICTURE).encode(),
        _PAGE: text.page(title, lead, shown, plots.svg(run)).encode(),
        _PICTURE: plots.png(run),
    }.items():
        (new / file).write_bytes(data)
    os.replace(new, of_host / name)  # noqa: PTH105  (a folder)
    return Written(of_host / name, found)


def report_tables(
    found: Mapping[str, Any], before: tuple[str, Mapping[str, Any]] | None
) -> list[tables.Rows]:
    """Return the report's tables, the comparison with an earlier run first."""
    shown = tables.tables(found)
    if before is not None:
        shown.insert(0, tables.compared(found, before[1], before[0]))
    why = "the host is not the machine that this was started on"
    return [*shown, tables.holders(found["desktop"], why)]
