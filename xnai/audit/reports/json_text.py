"""A report in JSON."""

from __future__ import annotations

import json
from dataclasses import asdict

from xnai.audit.groups import by_file, by_rule, first_steps, grouped
from xnai.audit.model import Report, Shown
from xnai.audit.reading import shown


def json_text(report: Report, much: Shown | None = None) -> str:
    """Return the whole report as JSON; the names are those of the classes in model.py.

    `groups` holds what is one cause, or one rule's findings, as numbers of entries of `findings`.
    """
    data = asdict(report)
    for entry in data["findings"]:
        entry["text"] = report.lines.get(f"{entry['path']}:{entry['line']}", "")
    del data["lines"]
    for entry in [*data["findings"], *(one["finding"] for one in data["suppressed"])]:
        entry["path"] = shown(entry["path"])
    groups = grouped(report.findings)
    numbers = {id(one): number for number, one in enumerate(report.findings)}
    data["groups"] = [
        {
            "rule": one.rule, "severity": one.severity, "title": one.title, "stops": one.stops,
            "reach": asdict(one.reach), "count": len(one.findings),
            "findings": [numbers[id(finding)] for finding in one.findings],
        }
        for one in groups
    ]
    data["first"] = [shown(step) for step in first_steps(groups)]
    data["by_rule"] = [
        dict(zip(("rule", "severity", "findings", "files"), row, strict=True))
        for row in by_rule(report.findings)
    ]
    data["by_file"] = [
        dict(zip(("path", "errors", "warnings", "infos"), (shown(row[0]), *row[1:]), strict=True))
        for row in by_file(report.findings)
    ]
    return json.dumps(data, indent=2) + "\n"
