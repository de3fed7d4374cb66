"""Whole hosts: a case folder in, the expected findings out; `expected` is checked by hand."""

from __future__ import annotations

import re
import tomllib

import pytest
from preflight_frames import lines
from preflight_hosts import CASES, ROOT, settings

from xnai.diagnostics.blocks import printable, render_table
from xnai.diagnostics.finding import blocks
from xnai.facts.machine.parse import parse
from xnai.preflight.judge import judge
from xnai.run.model_files import parse as parse_model

ALL = sorted(folder for folder in CASES.iterdir() if folder.is_dir())


def findings(folder):
    facts = parse(lines(folder))
    file = folder / "settings.toml"
    changes = tomllib.loads(file.read_text()) if file.exists() else {}
    # What the host's Python says of the model's file, in one line.
    said = folder / "model.json"
    models = {
        "llm": parse_model([changes["llm_model_file"]], said.read_text().splitlines())[0]
    } if said.exists() else {}
    return judge(facts, settings(facts.mem_total_kib or 15099264, models, **changes))


@pytest.mark.parametrize("folder", ALL, ids=lambda folder: folder.name)
def test_findings(folder):
    # The RAM note follows the services' limits in group_data and is tested by itself.
    found = [
        printable(f"{f.severity} | {f.id} | {f.subject} | {f.found}")
        for f in findings(folder)
        if f.id != "memory"
    ]
    assert found == (folder / "expected").read_text().splitlines()


@pytest.mark.parametrize("folder", ALL, ids=lambda folder: folder.name)
def test_every_error_says_what_to_do(folder):
    for finding in findings(folder):
        assert finding.found and finding.needed
        assert finding.remedy or finding.severity in ("note", "unknown")


def test_which_hosts_are_refused():
    refused = {folder.name for folder in ALL if blocks(findings(folder))}
    assert {folder.name for folder in ALL} - refused == {
        "debian13_fresh", "debian13_converged", "ubuntu2404_no_slirp4netns", "redis_overcommit",
        "sysctl_trailing_comment", "model_context_beyond_training",
    }


def test_every_finding_of_the_source_has_a_case():
    source = "".join(p.read_text() for p in (ROOT / "xnai/preflight").glob("*.py"))
    ids = set(re.findall(r'(?:Finding|_unread)\(\s*"([a-z-]+)"', source))
    seen = {finding.id for folder in ALL for finding in findings(folder)}
    assert ids == seen


def test_table_is_one_block_each_and_counts():
    text = render_table(findings(CASES / "container_no_systemd"))
    assert text.splitlines()[0] == "ERROR   privileges  [root]"
    assert re.search(r"\n\n\d+ errors, \d+ unknown, \d+ warnings?, ", text) or "errors" in text
    assert max(map(len, text.splitlines())) <= 100
    assert "\x1b[" not in text
    assert "\x1b[31;1mERROR" in render_table(findings(CASES / "silent"), colour=True)
