"""Each rule: on its bad fixture at the right lines, silent on its good one and on everybody's."""

from __future__ import annotations

import inspect
from functools import cache
from pathlib import Path

import pytest

from xnai.audit import rules
from xnai.audit.model import RULE_SEVERITIES, Hit
from xnai.audit.options import Options
from xnai.audit.rules import all_rules
from xnai.audit.tree import Tree, read_tree

HERE = Path(__file__).parent
SOURCES = Path(rules.__file__).parent
RULES = {rule.id: rule for rule in all_rules()}
FIXTURES = sorted(path.parent.name for path in HERE.glob("*/expected-hits"))
# A rule that needs what fixtures cannot hold is told so here.
OPTIONS = Options(ram_mib=4096)


@cache
def judged(directory: Path) -> Tree:
    found = read_tree(directory, OPTIONS)
    assert not [one for one in found.unknown if one.subject in {"make", "sandbox"}], found.unknown
    return found


def hits(rule_id: str, directory: Path) -> set[str]:
    return {
        f"{hit.path}:{hit.line}"
        for hit in RULES[rule_id].check(judged(directory)) if isinstance(hit, Hit)
    }


def test_rules_fixtures_and_docs_are_the_same_set():
    documents = sorted(path.stem for path in SOURCES.glob("*.md"))
    modules = sorted(path.stem for path in SOURCES.glob("*.py") if path.stem != "__init__")
    assert sorted(RULES) == modules == documents == FIXTURES


@pytest.mark.parametrize("name", FIXTURES)
def test_it_fails_on_its_bad_fixture_at_these_lines(name):
    expected = set((HERE / name / "expected-hits").read_text().split())
    assert expected
    assert hits(name, HERE / name / "fail") == expected


@pytest.mark.parametrize("fixture", FIXTURES)
def test_every_rule_is_silent_on_a_good_fixture(fixture):
    found = {name: hits(name, HERE / fixture / "pass") for name in RULES}
    assert {name: places for name, places in found.items() if places} == {}


@pytest.mark.parametrize("name", FIXTURES)
def test_its_words_are_whole(name):
    rule = RULES[name]
    assert rule.severity in RULE_SEVERITIES
    assert rule.title and rule.title[-1] != "."
    assert rule.remedy.endswith(".")
    document = (SOURCES / f"{name}.md").read_text("utf-8")
    for part in ("**Why.**", "**Bad**", "**Good**", "**Source.**"):
        assert part in document


@pytest.mark.parametrize("name", FIXTURES)
def test_a_rule_is_small(name):
    lines = inspect.getsource(type(RULES[name])).splitlines()
    code = [line for line in lines if line.strip()]
    assert len(code) <= 40, f"{name}: {len(code)} lines"


def test_the_docs_list_every_rule():
    text = (HERE.parents[1] / "docs/audit.md").read_text("utf-8")
    for rule in RULES.values():
        link = f"[`{rule.id}`](../xnai/audit/rules/{rule.id}.md)"
        assert f"| {link} | {rule.severity} | {rule.title} |" in text
