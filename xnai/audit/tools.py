"""Other people's checkers on the audited files: their findings keep their own ids."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from xnai.audit.answer_cache import AnswerCache
from xnai.audit.compose_tools import compose_lint, schema
from xnai.audit.hadolint import hadolint
from xnai.audit.model import RuleFinding
from xnai.audit.shellcheck import shellcheck
from xnai.audit.tree import Tree
from xnai.diagnostics.finding import Unknown

# Where one of our rules and a tool's say the same of a line, the tool's stays.
SAME: Mapping[str, frozenset[str]] = {
    "compose_duplicate_key": frozenset({"schema"}),
    "compose_undefined_reference": frozenset({"schema"}),
    "docker_unquoted_specifier": frozenset({"hadolint:SC1037"}),
}


@dataclass(frozen=True)
class ToolsSaid:
    """What all tools find, what they could not tell, and notes that nobody need act on."""

    findings: list[RuleFinding]
    unknown: list[Unknown]
    notes: list[str]


def ask(tree: Tree, cache: AnswerCache) -> ToolsSaid:
    """Return what all tools say; they run side by side."""
    questions: list[Callable[[Tree, AnswerCache], Iterator[RuleFinding | Unknown | str]]] = [
        shellcheck, schema, compose_lint, hadolint]
    with ThreadPoolExecutor(len(questions)) as pool:
        parts = pool.map(lambda question: list(question(tree, cache)), questions)
        said = [one for part in parts for one in part]
    return ToolsSaid(
        [one for one in said if isinstance(one, RuleFinding)],
        [one for one in said if isinstance(one, Unknown)],
        [one for one in said if isinstance(one, str)],
    )


def merged(ours: list[RuleFinding], theirs: list[RuleFinding]) -> list[RuleFinding]:
    """Return both without repetitions."""
    torn = {(one.path, one.line) for one in ours if one.rule == "make_shell_syntax"}
    torn_paths = {path for path, _ in torn}
    theirs = [
        one for one in theirs
        if not (one.rule.startswith("shellcheck:SC1") and one.severity == "error"
                and one.path in torn_paths)
    ]
    by_line = {(one.path, one.line): set[str]() for one in theirs}
    for one in theirs:
        by_line[one.path, one.line].add(one.rule)
    kept = [
        one for one in ours
        if not SAME.get(one.rule, frozenset()) & by_line.get((one.path, one.line), set())
    ]
    seen = {(one.rule, one.path, one.line, one.what): one for one in [*kept, *theirs]}
    return list(seen.values())
