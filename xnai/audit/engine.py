"""From a directory to a report."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from xnai.audit import metrics, online, tools
from xnai.audit.baseline import fingerprints
from xnai.audit.model import RULE_SEVERITIES, Hit, Report, RuleFinding
from xnai.audit.options import Options
from xnai.audit.rule import Rule
from xnai.audit.rules import all_rules
from xnai.audit.suppress import suppressed
from xnai.audit.tree import Tree, read_tree
from xnai.diagnostics.finding import Unknown


@dataclass(frozen=True)
class Judged:
    """What the rules say of a tree: findings, what could not be told, each rule's result."""

    findings: list[RuleFinding]
    unknown: list[Unknown]
    results: dict[str, str]


def judge(tree: Tree, rules: Iterable[Rule]) -> Judged:
    """Return what `rules` say of `tree`; a rule that fails itself is unknown, not silent."""
    findings: list[RuleFinding] = []
    unknown: list[Unknown] = []
    results = {}
    for rule in rules:
        try:
            said = list(rule.check(tree))
        except Exception as error:
            # One rule's mistake must not take the others' findings away.
            said = [Unknown(rule.id, f"the rule failed: {error!r}", "report this as a bug")]
        hits = [rule.finding(one) for one in said if isinstance(one, Hit)]
        unclear = [one for one in said if isinstance(one, Unknown)]
        findings += hits
        unknown += unclear
        results[rule.id] = "fail" if hits else "unknown" if unclear else "pass"
    return Judged(findings, unknown, results)


def audit(
    root: Path,
    options: Options,
    known: frozenset[str] = frozenset(),
    progress: Callable[[str], None] = lambda _: None,
    source: tuple[str, ...] = (),
) -> Report:
    """Return the report on the tree below `root`.

    Args:
        root: a directory.
        options: the user's choices.
        known: fingerprints of findings that are not reported again.
        progress: told what is being done.
        source: the command's words that name the tree, where they are not its path.
    """
    again = command(source or (str(root),), options)
    progress("reading the tree, and asking make in its sandbox")
    tree = read_tree(root, options)
    progress(
        f"{len(tree.makefiles)} Makefiles, {len(tree.dockerfiles)} Dockerfiles, "
        f"{len(tree.composes)} compose files: {len(all_rules())} rules"
    )
    with ThreadPoolExecutor(1) as beside:
        # The tools are programs of their own: the rules run while they do.
        asked = beside.submit(tools.ask, tree) if options.tools else None
        judged = judge(tree, all_rules())
        findings, unknown = judged.findings, [*tree.unknown, *judged.unknown]
        if asked:
            progress("waiting for hadolint, shellcheck, the Compose schema and compose-lint")
            more, unclear = asked.result()
            findings = tools.merged(findings, more)
            unknown += unclear
    if options.online:
        progress("resolving requirements at the package index")
        for one in online.resolve(tree):
            if isinstance(one, Unknown):
                unknown.append(one)
            else:
                findings.append(one)
    findings.sort(key=_rank)
    kept, out = suppressed(root, findings)
    names = fingerprints(root, kept)
    new = [one for one, name in zip(kept, names, strict=True) if name not in known]
    return Report(
        " ".join(source) or str(root), again, tuple(new), tuple(out),
        tuple(dict.fromkeys(unknown)), len(kept) - len(new), judged.results,
        metrics.tables(tree, again),
    )


def command(source: tuple[str, ...], options: Options) -> str:
    """Return the command that gives the same report again."""
    words = ["xnai", "audit", *source]
    for pattern in options.exclude:
        words += ["--exclude", pattern]
    if options.ram_mib is not None:
        words += ["--ram-mib", str(options.ram_mib)]
    words += ["--no-tools"] * (not options.tools) + ["--online"] * options.online
    words += ["--times"] * options.times
    return shlex.join(words)


def _rank(finding: RuleFinding) -> tuple[int, str, int, str]:
    return RULE_SEVERITIES.index(finding.severity), finding.path, finding.line, finding.rule


def at_or_above(findings: Iterable[RuleFinding], severity: str) -> list[RuleFinding]:
    """Return the findings that are as grave as `severity`, or graver."""
    allowed = RULE_SEVERITIES[: [*RULE_SEVERITIES].index(severity) + 1]  # type: ignore[arg-type]
    return [one for one in findings if one.severity in allowed]
