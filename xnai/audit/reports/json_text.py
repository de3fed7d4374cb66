"""A report in JSON."""

from __future__ import annotations

import json
from dataclasses import asdict

from xnai.audit.model import Report
from xnai.audit.reading import shown


def json_text(report: Report) -> str:
    """Return the whole report as JSON; the names are those of the classes in model.py."""
    data = asdict(report)
    for entry in [*data["findings"], *(one["finding"] for one in data["suppressed"])]:
        entry["path"] = shown(entry["path"])
    return json.dumps(data, indent=2) + "\n"
