"""What a lab machine's collector found, judged: a folder a case, the words literal.

A case is recorded with `python -m benchmarks.triage MACHINE --record DIRECTORY --only FAULT`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1]))

from unit_settings import make

from xnai.triage.ask import judged
from xnai.triage.collect.masking import SECRET_NAME
from xnai.triage.render import terminal

CASES = Path(__file__).parent / "cases"
# As xnai/lab/group_data has them.
LAB = {
    "host_reserve_mib": 768, "llm_threads": 1, "base_image": "docker.io/library/python:3.13-slim",
    "vikunja_image": "docker.io/vikunja/vikunja:contract", "vikunja_time_zone": "Etc/UTC",
}


def read(name):
    return json.loads((CASES / name / "collected.json").read_text("utf-8"))


def names():
    return sorted(path.parent.name for path in CASES.glob("*/collected.json"))


def said(name):
    found = read(name)
    settings = make(found["host"]["meminfo"]["MemTotal"], **LAB)
    project = "anna/chat" if name.startswith("project-") else ""
    (looked,) = judged(found, settings, project).looked
    return terminal.lines(looked.judgement)


@pytest.mark.parametrize("name", names())
def test_what_is_said_of_a_recorded_machine(name):
    wanted = (CASES / name / "expected.txt").read_text("utf-8").splitlines()
    assert said(name) == wanted


def test_there_are_cases():
    assert len(names()) >= 8


@pytest.mark.parametrize("name", names())
def test_no_recorded_environment_shows_a_secret(name):
    for store in read(name)["stores"]:
        for one in store.get("containers") or ():
            for item in one["env"]:
                variable, _, value = item.partition("=")
                if SECRET_NAME.search(variable) and value:
                    assert value.startswith(("/", "[secret ")), variable
