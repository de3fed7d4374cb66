"""Whole reports of earlier audits: taken again where nothing that they depend on has changed.

A report depends on which files the tree has, on the content of each file that was read, on the
user's choices, and on the programs that were asked: this one, make, the shell, the tools. What
depends on more, such as an index on the network or an image store, is not kept.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xnai.audit.answer_cache import AnswerCache, key_of
from xnai.audit.model import Fix, Reach, Report, RuleFinding, Suppressed, Table
from xnai.audit.names import walk
from xnai.audit.options import Options
from xnai.audit.reading import digest
from xnai.audit.tool_answers import identity
from xnai.diagnostics.finding import Unknown

_TOOLS = ("hadolint", "shellcheck", "check-jsonschema", "compose-lint")
_PROGRAMS = ("make", "bash", "bwrap", "podman", "docker")


def key(root: Path, options: Options, again: str) -> str:
    """Return the name of a report, but for the content of files; empty where none is kept."""
    if not options.cache or options.online or options.run or options.images.of_host \
            or options.host_room_mib is not None:
        return ""
    # This program's own state: a source that changes is another program.
    own = sorted(Path(__file__).parent.rglob("*.*"))
    states = [f"{path} {state.st_size} {state.st_mtime_ns}"
              for path in own if path.suffix != ".pyc" for state in [path.stat()]]
    programs = [f"{name} {shutil.which(name)}" for name in _PROGRAMS]
    return key_of(
        "report", str(root.resolve()), again, sys.version, options.images.where, *states,
        *programs,
        *(identity(name) for name in _TOOLS if options.tools),
    )


def listing(root: Path, options: Options) -> str:
    """Return a hash over which files and directories the tree has."""
    names = sorted(
        repr(one) if isinstance(one, Unknown) else f"{one[0]}\0{one[1]}"
        for one in walk(root, options.exclude)
    )
    return hashlib.sha256("\n".join(names).encode("utf-8", "surrogatepass")).hexdigest()


def lookup(cache: AnswerCache, name: str, root: Path, options: Options) -> Report | None:
    """Return the report of that name, if the tree is as it was."""
    found = cache.get([name]).get(name) if name else None
    if not isinstance(found, dict) or found["listing"] != listing(root, options):
        return None
    if any(digest(root / path) != was for path, was in found["read"].items()):
        return None
    return _report(found["report"])


def keep(
    cache: AnswerCache, name: str, root: Path, options: Options, report: Report,
    read: Mapping[str, str],
) -> None:
    """Keep a report, with the hashes of what was read for it."""
    asked = options.images.where and (options.images.known or options.images.measured)
    if not name or report.unknown or asked:
        return  # what was not answered may be the next time
    try:
        text = json.dumps(dataclasses.asdict(report))
    except (TypeError, ValueError):
        return
    cache.put({name: {
        "listing": listing(root, options), "read": dict(read), "report": json.loads(text),
    }})


def _report(data: dict[str, Any]) -> Report:
    return Report(
        data["root"], data["command"], tuple(map(_finding, data["findings"])),
        tuple(Suppressed(_finding(one["finding"]), one["reason"]) for one in data["suppressed"]),
        tuple(Unknown(**one) for one in data["unknown"]), data["known"], data["results"],
        tuple(
            Table(one["title"], one["command"], tuple(one["header"]),
                  tuple(map(tuple, one["rows"]))) for one in data["metrics"]
        ),
        tuple(data["notes"]), tuple(data["fingerprints"]), data["lines"],
    )


def _finding(data: dict[str, Any]) -> RuleFinding:
    fix = data["fix"]
    return RuleFinding(**{
        **data, "reach": Reach(**data["reach"]),
        "fix": Fix(fix["first"], fix["last"], tuple(fix["lines"])) if fix else None,
    })
