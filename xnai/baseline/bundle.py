"""The measurement as commands for a host: its program sent on standard input, then its file."""

from __future__ import annotations

import json
import secrets
import shlex
from dataclasses import dataclass
from typing import Any

from xnai.programs.from_memory import from_memory
from xnai.remote.limit import Limited
from xnai.settings.model import Settings
from xnai.stack import paths
from xnai.stack.catalogue import services

_MAIN = """\
import json
import sys

from xnai.baseline.collect.program import main

sys.exit(main(json.loads({text!r})))
"""
_DIRECTORY = "/run/xnai-baseline"
COLD_S = 60
START_LIMIT_S = 900
REQUEST_LIMIT_S = 600
RAG_API = "rag_api"


class NothingToMeasure(Exception):
    """The settings leave nothing that could be measured."""


@dataclass(frozen=True)
class PhasePlan:
    """How long each phase is.

    Attributes:
        cold: whether the stack is started anew for the first two phases.
        steady_s: seconds.
        requests: to POST /query.
        recovery_s: seconds.
    """

    cold: bool
    steady_s: int
    requests: int
    recovery_s: int


def make_spec(settings: Settings, wanted: PhasePlan) -> dict[str, Any]:
    """Return what the program is told.

    Args:
        settings: of the host.
        wanted: the phases.

    Raises:
        NothingToMeasure: requests are wanted, and the RAG API is not published.
    """
    found = services(settings)
    (api,) = (one for one in found if one.name == RAG_API)
    if wanted.requests and api.published_port is None:
        raise NothingToMeasure("rag_api is not published on 127.0.0.1: --requests 0")
    return {
        "stack_user": settings.stack_user, "unit": paths.unit(settings),
        "containers": [one.container_name for one in found],
        "url": f"http://127.0.0.1:{api.published_port}/query",
        "cold": wanted.cold, "cold_s": COLD_S, "start_limit_s": START_LIMIT_S,
        "steady_s": wanted.steady_s, "requests": wanted.requests,
        "request_limit_s": REQUEST_LIMIT_S, "recovery_s": wanted.recovery_s,
        "file": f"{_DIRECTORY}/{secrets.token_hex(8)}.jsonl",
    }


def command(spec: dict[str, Any]) -> Limited:
    """Return the command that measures."""
    longest_s = (
        spec["steady_s"] + spec["recovery_s"] + spec["requests"] * spec["request_limit_s"] + 120
        + (START_LIMIT_S if spec["cold"] else 0)
    )
    return from_memory(
        "xnai-baseline", _MAIN.format(text=json.dumps(spec)), longest_s,
        # What a run that was cut off left goes with the next one.
        before=f"rm -rf {_DIRECTORY} && ",
    )


def fetch(spec: dict[str, Any]) -> Limited:
    """Return the command that hands the samples over, and removes them."""
    file = shlex.quote(spec["file"])
    return Limited(f"gzip -c {file} | base64 -w 4000 && rm -f {file}", limit_s=120)
