"""What is committed: four groups of files, each with its message."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from xnai.publish.git import NotPublished
from xnai.reports.documents import Names, build_report
from xnai.reports.measurements import FOLDER, read
from xnai.reports.write import PROPOSAL

RECORD = f"{FOLDER}/published.json"
"""What of the rendered files was written last: path -> sha256."""

BESIDE = ".xnai"
MESSAGES = (
    "refactor: Modernize all Dockerfiles with cache optimization & multi-stage builds",
    "docs: Phase 5 Research Request - Build Systems & Memory Optimization",
    "docs: Phase 5 Initial Findings - Incident Response & zRAM Baseline",
    "docs: Phase 5 Progress - Status update & performance baseline",
)


@dataclass(frozen=True)
class PlannedCommit:
    """One commit.

    Attributes:
        message: its first line.
        body: what was measured, when, with which versions.
        files: path below the repository -> content.
        gone: paths of proposals of ours that nothing calls for any more.
    """

    message: str
    body: str
    files: dict[str, bytes]
    gone: tuple[str, ...] = ()


@dataclass(frozen=True)
class Placed:
    """The rendered files as they go into a tree.

    Attributes:
        files: path -> content, the record among them.
        kept: paths of a person's own files, beside which ours lie.
        gone: where ours would lie beside a file that is ours again.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    kept: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def placed(
    rendered: Mapping[str, bytes], there: Mapping[str, bytes], record: Mapping[str, str]
) -> Placed:
    """Return where the rendered files go.

    A file that we did not write last, or that was changed since, is never replaced: ours goes
    beside it.

    Args:
        rendered: path -> content.
        there: path -> content of those paths in the tree, and of the record's.
        record: path -> sha256 of what was written last.
    """
    files: dict[str, bytes] = {}
    kept = []
    written = {}
    for path, content in rendered.items():
        now = there.get(path)
        if now is None or now == content or record.get(path) == _sum(now):
            files[path] = content
            written[path] = _sum(content)
            continue
        kept.append(path)
        files[path + BESIDE] = content
    if files:
        files[RECORD] = (json.dumps(written, indent=1, sort_keys=True) + "\n").encode()
    gone = tuple(path + BESIDE for path in rendered if path not in kept)
    return Placed(files, tuple(kept), gone)


def of_reports(repository: Path, called: Names, version: str) -> list[PlannedCommit]:
    """Return the commits of the pages that lie in the working tree; none for pages that are not.

    Args:
        repository: the checkout.
        called: names of pages and phase.
        version: of this project.
    """
    found = read(repository)
    report = build_report(repository, called, found)
    request = sorted(
        str(path.relative_to(repository))
        for path in (repository / called.meta).glob("CLAUDE-SONNET-RESEARCH-REQUEST-*.md")
    )
    raw = sorted(
        path for one in (repository / FOLDER).rglob("*") if not one.is_dir()
        # What a killed run left half copied begins with a dot.
        and not any(part.startswith(".") for part in one.relative_to(repository).parts)
        and (path := str(one.relative_to(repository))) != RECORD
    )
    groups = (request, [*([report] if report else []), *raw], [called.progress])
    body = _body(found.newest, len(raw), version)
    commits = []
    for message, paths in zip(MESSAGES[1:], groups, strict=True):
        beside = [path.removesuffix(".md") + PROPOSAL for path in paths if path.endswith(".md")]
        files = {
            one: _plain(repository, one) for one in dict.fromkeys((*paths, *beside))
            if os.path.lexists(repository / one)
        }
        gone = tuple(one for one in beside if one not in files)
        if files:
            commits.append(PlannedCommit(_phased(message, called.phase), body, files, gone))
    return commits


def _plain(repository: Path, path: str) -> bytes:
    """A file's content; what is behind a link is not the repository's."""
    file = repository / path
    real = repository.resolve() / path
    if file.is_symlink() or not file.is_file() or file.resolve() != real:
        raise NotPublished(f"{path}: a link, or behind one: a plain file is wanted there")
    return file.read_bytes()


def _phased(message: str, phase: str) -> str:
    return message.replace("Phase 5", phase)


def _body(newest: str, files: int, version: str) -> str:
    return (
        f"Measured until {newest or 'nothing was measured'}; {files} files of raw data below "
        f"{FOLDER}.\nRendered by xnai {version}."
    )


def of_rendered(found: Placed, images: Mapping[str, str], version: str) -> PlannedCommit | None:
    """Return the commit of the rendered files, or None where there are none.

    Args:
        found: where they go.
        images: image -> reference with its content's hash.
        version: of this project.
    """
    if not found.files:
        return None
    listed = "\n".join(f"- {name}: {reference}" for name, reference in sorted(images.items()))
    kept = f"\nNot replaced, ours beside: {', '.join(found.kept)}." if found.kept else ""
    return PlannedCommit(
        MESSAGES[0], f"Rendered by xnai {version}:\n{listed}{kept}", found.files, found.gone
    )
