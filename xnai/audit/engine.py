"""From a directory to a report."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from xnai.audit import metrics, online, real_runs, stored_reports, tools
from xnai.audit.answer_cache import AnswerCache
from xnai.audit.baseline import Baseline, lines_of, named
from xnai.audit.model import RULE_SEVERITIES, Hit, Report, RuleFinding
from xnai.audit.options import Options
from xnai.audit.ranking import ranked
from xnai.audit.reading import recorded
from xnai.audit.rule import Rule
from xnai.audit.rules import all_rules
from xnai.audit.suppress import suppressed
from xnai.audit.tree import Tree, read_tree
from xnai.diagnostics.finding import Unknown

_MAX_LINE = 300


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
        reason = rule.not_judged(tree)
        results[rule.id] = (
            "fail" if hits else "unknown" if unclear else
            f"not judged: {reason}" if reason else "pass"
        )
    return Judged(findings, unknown, results)


def audit(
    root: Path,
    options: Options,
    known: Baseline | None = None,
    progress: Callable[[str], None] = lambda _: None,
    source: tuple[str, ...] = (),
) -> Report:
    """Return the report on the tree below `root`.

    Args:
        root: a directory.
        options: the user's choices.
        known: findings that are not reported again.
        progress: told what is being done.
        source: the command's words that name the tree, where they are not its path.
    """
    again = command(source or (str(root),), options)
    cache = AnswerCache(options.cache)
    name = stored_reports.key(root, options, again)
    report = stored_reports.lookup(cache, name, root, options)
    if report is not None:
        progress("nothing has changed since the last audit: its answers are taken")
    else:
        with recorded(root) as read:
            report = _audited(root, options, cache, progress, (" ".join(source), again))
        stored_reports.keep(cache, name, root, options, report, read)
    return _without(report, known or Baseline())


def _without(report: Report, known: Baseline) -> Report:
    """The report without the findings of a baseline, and with what the baseline did not know."""
    if not known.fingerprints:
        return report
    new = [number for number, name in enumerate(report.fingerprints)
           if name not in known.fingerprints]
    notes = report.notes
    if known.silent:
        notes = (*notes, f"the baseline was written without {', '.join(known.silent)}: what they "
                         "find is new")
    return replace(
        report, findings=tuple(report.findings[at] for at in new),
        fingerprints=tuple(report.fingerprints[at] for at in new),
        known=len(report.findings) - len(new), notes=notes,
    )


def _audited(
    root: Path, options: Options, cache: AnswerCache, progress: Callable[[str], None],
    named_by: tuple[str, str],
) -> Report:
    source, again = named_by
    progress("reading the tree, and asking make in its sandbox")
    tree = read_tree(root, options)
    progress(
        f"{len(tree.makefiles)} Makefiles, {len(tree.dockerfiles)} Dockerfiles, "
        f"{len(tree.composes)} compose files: {len(all_rules())} rules"
    )
    notes = list[str]()
    with ThreadPoolExecutor(1) as beside:
        # The tools are programs of their own: the rules run while they do.
        asked = beside.submit(tools.ask, tree, cache) if options.tools else None
        judged = judge(tree, all_rules())
        findings, unknown = judged.findings, [*tree.unknown, *judged.unknown]
        if asked:
            progress("waiting for hadolint, shellcheck, the Compose schema and compose-lint")
            said = asked.result()
            findings = tools.merged(findings, said.findings)
            unknown += said.unknown
            notes += said.notes
    if options.online:
        progress("resolving requirements at the package index")
        for one in online.resolve(tree):
            if isinstance(one, Unknown):
                unknown.append(one)
            else:
                findings.append(one)
    extra = []
    if options.run:
        progress(f"running {', '.join(options.run)} on a copy, in a sandbox")
        runs = list(real_runs.timed(root, options.run))
        unknown += [one for one in runs if isinstance(one, Unknown)]
        extra.append(real_runs.table([one for one in runs if not isinstance(one, Unknown)], again))
    kept, out = suppressed(root, ranked(tree, findings))
    lines = lines_of(root, kept)
    results = judged.results | _tools_results(options, kept, unknown)
    return Report(
        source or str(root), again, tuple(kept), tuple(out),
        tuple(dict.fromkeys(unknown)), 0, results, (*metrics.tables(tree, again), *extra),
        tuple(notes),
        tuple(named(kept, lines)),
        {f"{one.path}:{one.line}": line[:_MAX_LINE] for one, line in zip(kept, lines, strict=True)},
    )


def _tools_results(
    options: Options, findings: Iterable[RuleFinding], unknown: Iterable[Unknown]
) -> dict[str, str]:
    """What became of each tool: one that was not asked, or did not answer, judged nothing."""
    rules = {one.rule.partition(":")[0] for one in findings}
    silent = {one.subject: one.why for one in unknown}
    return {
        name: "fail" if name in rules else
        "not judged: --no-tools" if not options.tools else
        f"not judged: {silent[tool]}" if tool in silent else "pass"
        for name, tool in (("hadolint", "hadolint"), ("shellcheck", "shellcheck"),
                           ("schema", "check-jsonschema"), ("compose-lint", "compose-lint"))
    }


def command(source: tuple[str, ...], options: Options) -> str:
    """Return the command that gives the same report again."""
    words = ["xnai", "audit", *source]
    for pattern in options.exclude:
        words += ["--exclude", pattern]
    if options.ram_mib is not None:
        words += ["--ram-mib", str(options.ram_mib)]
    words += ["--no-tools"] * (not options.tools) + ["--online"] * options.online
    words += ["--times"] * options.times
    for target in options.run:
        words += ["--run", target]
    return shlex.join(words)


def at_or_above(findings: Iterable[RuleFinding], severity: str) -> list[RuleFinding]:
    """Return the findings that are as grave as `severity`, or graver."""
    allowed = RULE_SEVERITIES[: [*RULE_SEVERITIES].index(severity) + 1]  # type: ignore[arg-type]
    return [one for one in findings if one.severity in allowed]
