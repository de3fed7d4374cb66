"""A report in SARIF 2.1.0, which code hosts and editors show at the lines."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from xnai.audit.model import Report, RuleFinding, Shown
from xnai.audit.reading import shown
from xnai.audit.rules import all_rules

# By rule, file and the text of the line, as a baseline knows a finding.
_FINGERPRINT = "xnaiAuditLine/v1"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def sarif(report: Report, much: Shown | None = None) -> str:
    """Return the report as a SARIF log with one run."""
    ids = sorted({one.id for one in all_rules()} | {one.rule for one in _all(report)})
    driver = {
        "name": "xnai audit",
        "rules": [_rule(name, report) for name in ids],
    }
    results = [
        _result(one, ids) | {"partialFingerprints": {_FINGERPRINT: name}}
        for one, name in zip(report.findings, report.fingerprints, strict=True)
    ]
    results += [
        _result(one.finding, ids)
        | {"suppressions": [{"kind": "inSource", "justification": one.reason}]}
        for one in report.suppressed
    ]
    run = {
        "tool": {"driver": driver},
        "originalUriBaseIds": {"ROOT": {"description": {"text": "The audited directory."}}},
        "invocations": [{
            "commandLine": report.command,
            "executionSuccessful": not report.unknown,
            "toolExecutionNotifications": [
                {
                    "level": "warning",
                    "message": {"text": f"{shown(one.subject)}: {one.why}. To do: {one.remedy}"},
                }
                for one in report.unknown
            ],
        }],
        "results": results,
    }
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return json.dumps(log, indent=2) + "\n"


def _all(report: Report) -> list[RuleFinding]:
    return [*report.findings, *(one.finding for one in report.suppressed)]


def _rule(name: str, report: Report) -> dict[str, Any]:
    ours = next((one for one in all_rules() if one.id == name), None)
    if ours is None:
        said = next(one for one in _all(report) if one.rule == name)
        return {"id": name, "shortDescription": {"text": said.title}}
    return {
        "id": name,
        "shortDescription": {"text": ours.title},
        "help": {"text": ours.remedy},
        "defaultConfiguration": {"level": _LEVELS[ours.severity]},
    }


def _result(finding: RuleFinding, ids: list[str]) -> dict[str, Any]:
    uri = quote(finding.path.encode("utf-8", "surrogateescape"))
    return {
        "ruleId": finding.rule,
        "ruleIndex": ids.index(finding.rule),
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{finding.what} To do: {finding.remedy}"},
        "locations": [{
            "physicalLocation": {
                "artifactLocation": {"uri": uri, "uriBaseId": "ROOT"},
                "region": {"startLine": max(finding.line, 1)},
            }
        }],
    }
