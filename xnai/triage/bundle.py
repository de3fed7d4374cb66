"""The collector as one command: sent on standard input, run from memory, nothing written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from xnai.programs.from_memory import from_memory
from xnai.remote.limit import Limited
from xnai.settings.model import Settings
from xnai.stack import paths
from xnai.stack.catalogue import PARTS, secret_forms, services
from xnai.stack.plan import file_name
from xnai.triage import probes

_MAIN = """\
import json
import sys

from xnai.triage.collect.program import main

sys.exit(main(json.loads({text!r})))
"""
LIMIT_S = 240


def make_spec(settings: Settings) -> dict[str, Any]:
    """Return what the collector is told of a host's stack."""
    directory = paths.stack_directory(settings)
    good = paths.good_directory(directory)
    names = [file_name(part) for part in PARTS]
    return {
        "stack_user": settings.stack_user,
        "stack_name": settings.stack_name,
        "secrets": [name for forms in secret_forms(settings) for name in forms],
        "checks": probes.checks(services(settings)),
        "files": [
            *(f"{where}/{name}" for where in (directory, good) for name in names),
            paths.rotation_marker(settings), paths.restore_marker(settings),
        ],
        "links": [
            f"/etc/systemd/user/default.target.wants/{paths.unit(settings)}",
            paths.unit_file(settings), "/usr/local/bin/xnai-podman", directory,
        ],
    }


def command(spec: Mapping[str, Any]) -> Limited:
    """Return the command that runs the collector with this specification."""
    return from_memory("xnai-triage", _MAIN.format(text=json.dumps(spec)), LIMIT_S)
