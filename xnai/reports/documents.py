"""Which pages there are, and which regions each has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from xnai.reports import audits, incidents, memory, request
from xnai.reports.measurements import Measurements
from xnai.reports.regions import Region
from xnai.reports.words import missing
from xnai.settings.model import Settings

_BUILD_REPORT = re.compile(r"BUILD-DEPLOYMENT-REPORT-(\d{4}-\d{2}-\d{2})\.md")


@dataclass(frozen=True)
class Names:
    """How the reports are called.

    Attributes:
        phase: as "Phase 5".
        progress: path of the progress page, below the repository.
        meta: path of the folder of the other reports, below it.
    """

    phase: str = "Phase 5"
    progress: str = "memory_bank/progress.md"
    meta: str = "_meta"

    @classmethod
    def of(cls, settings: Settings) -> Names:
        """Return what the settings call them."""
        return cls(settings.report_phase, settings.report_progress, settings.report_meta)


@dataclass(frozen=True)
class Document:
    """A page.

    Attributes:
        path: below the repository.
        title: of a page that is made anew.
        regions: ours, in their order.
    """

    path: str
    title: str
    regions: tuple[Region, ...]


def documents(repository: Path, names: Names, found: Measurements) -> tuple[Document, ...]:
    """Return all pages.

    Args:
        repository: the checkout, for the build report that is there already.
        names: of pages and phase.
        found: what was measured.
    """
    made = [_progress(names, found), _request(names, found)]
    if report := build_report(repository, names, found):
        made.insert(1, _build(report, names, found))
    return tuple(replace(one, regions=tuple(map(_harmless, one.regions))) for one in made)


def _harmless(region: Region) -> Region:
    """A region in which nothing that was measured (a log's line) can look like a mark of ours."""
    return replace(region, text=region.text.replace("<!--", "&lt;!--"))


def build_report(repository: Path, names: Names, found: Measurements) -> str:
    """Return the path of the build report: the newest there is, else of the measurement's day.

    An empty text where there is neither: a report has no date but a measurement's.
    """
    there = [
        path.name for path in (repository / names.meta).glob("*.md")
        if _BUILD_REPORT.fullmatch(path.name)
    ]
    if there:
        return f"{names.meta}/{max(there)}"
    return f"{names.meta}/BUILD-DEPLOYMENT-REPORT-{found.newest}.md" if found.newest else ""


def _progress(names: Names, found: Measurements) -> Document:
    page = names.progress
    there = [name for name, has in (
        ("incidents", found.triage), ("build system", found.audit), ("memory", found.baselines),
    ) if has]
    status = (
        f"{names.phase}: measured: {', '.join(there) or 'nothing yet'}. Newest measurement: "
        f"{found.newest or 'none'}."
    )
    if found.unreadable:
        status += "\n\nCould not be read:\n\n" + _list(found.unreadable)
    return Document(page, "Progress", (
        Region("status", f"## {names.phase}: status", status),
        Region("zram", f"## {names.phase}: zram", memory.zram(page, found)),
        Region("metrics", f"## {names.phase}: metrics", memory.in_short(page, found)),
        Region("issues", f"## {names.phase}: issues", "\n\n".join((
            incidents.in_short(page, found), audits.in_short(page, found),
        ))),
        Region("next", f"## {names.phase}: where to go on", _next(found)),
    ))


def _next(found: Measurements) -> str:
    steps = []
    if not found.triage:
        steps.append(missing("what is wrong on the hosts", incidents.HOW))
    elif any(root for all_ in found.triage.values()
             for looked in all_[-1].data.get("looked", ()) for root in looked["roots"]):
        steps.append("The root causes above: `pyinfra inventory.py tasks/repair.py` does what is "
                     "safe, and verifies it.")
    if not found.audit:
        steps.append(missing("the build system", audits.HOW))
    elif found.audit[-1].data["first"]:
        steps.append(f"The build system: {' '.join(str(found.audit[-1].data['first'][0]).split())}")
    if not found.baselines:
        steps.append(missing("the memory baseline", memory.HOW))
    return _list(steps) if steps else "Nothing is open of what was measured."


def _build(page: str, names: Names, found: Measurements) -> Document:
    phase = names.phase
    return Document(page, "Build and deployment report", (
        Region("incidents", f"## {phase} - Incident Investigation Results",
               incidents.whole(page, found)),
        Region("build-system", f"## {phase} - Build System Audit Findings",
               audits.whole(page, found)),
        Region("memory", f"## {phase} - Memory Optimization Baseline", memory.whole(page, found)),
    ))


def _request(names: Names, found: Measurements) -> Document:
    number = re.sub(r"[^A-Za-z0-9]+", "-", names.phase).strip("-").upper()
    page = f"{names.meta}/CLAUDE-SONNET-RESEARCH-REQUEST-{number}.md"
    return Document(page, f"Research request, {names.phase}", (
        Region("build", "## Build infrastructure", request.build(page, found)),
        Region("industry", "## Position in the industry", request.industry()),
        Region("zram-and-memory", "## zram and memory", request.memory_part(page, found)),
    ))


def _list(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
