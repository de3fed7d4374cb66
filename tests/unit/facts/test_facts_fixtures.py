"""Every fact over its fixtures: real output of real commands, whole and damaged."""

from __future__ import annotations

import pytest
from fact_fixtures import FIXTURES, expected, fact_classes, output, plain

# Facts whose fixtures lie elsewhere.
ELSEWHERE = {
    "Preflight": "whole hosts as case folders, in tests/unit/preflight/cases",
    "Survey": "made of other facts' fixtures, in test_facts_survey.py",
}

CASES = sorted((d.parent.name, d.name) for d in FIXTURES.glob("*/*"))


def test_every_fact_has_fixtures_and_every_fixture_a_fact():
    folders = {folder.name for folder in FIXTURES.iterdir()}
    assert folders == set(fact_classes()) - set(ELSEWHERE)
    assert set(ELSEWHERE) <= set(fact_classes())


@pytest.mark.parametrize("fact", sorted(set(fact_classes()) - set(ELSEWHERE)))
def test_every_fact_has_the_cases_that_matter(fact):
    cases = {case for name, case in CASES if name == fact}
    if fact == "AptLockHolder":  # one line or none: there is nothing to cut
        assert cases == {"empty", "held"}
    else:
        assert {"normal", "cut_short", "empty"} <= cases and len(cases) >= 4


@pytest.mark.parametrize(("fact", "case"), CASES)
def test_fixture(fact, case):
    assert plain(fact_classes()[fact]().process(output(fact, case))) == expected(fact, case)


@pytest.mark.parametrize("fact", sorted(fact_classes()))
def test_no_output_is_no_error(fact):
    fact_classes()[fact]().process([])


@pytest.mark.parametrize("fact", sorted({name for name, _ in CASES}))
def test_output_that_ends_anywhere_is_no_error(fact):
    text = "\n".join(output(fact, "held" if fact == "AptLockHolder" else "normal"))
    process = fact_classes()[fact]().process
    for end in range(0, len(text), max(1, len(text) // 250)):
        process(text[:end].splitlines())


@pytest.mark.parametrize("fact", ["BeforeState", "Containers", "Memory", "Teardown"])
def test_half_an_answer_is_none(fact):
    lines = output(fact, "normal")
    process = fact_classes()[fact]().process
    # Without the end's mark the last section may be cut, so all of it is unknown.
    assert all(process(lines[:count]) is None for count in range(len(lines)))
    assert process(lines) is not None


def test_half_an_answer_about_podman_is_never_taken_for_nothing_there():
    lines = output("Store", "normal")
    whole = plain(fact_classes()["Store"]().process(lines))
    for count in range(len(lines)):
        found = plain(fact_classes()["Store"]().process(lines[:count]))
        for part in ("images", "secrets"):
            assert found[part] in (whole[part], "unknown")
        # A container without its live values is judged by its configuration.
        if found["containers"] != "unknown":
            assert found["containers"].keys() == whole["containers"].keys()
