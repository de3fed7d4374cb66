"""How a host's sampler differs from the settings."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest
from fact_fixtures import fact_classes, output
from unit_settings import make

from xnai.facts.sampler import PROGRAM, UNIT_FILE, SamplerUnit
from xnai.facts.sections import FileState
from xnai.machine.sampler import SamplerDifferences, differences, unit_text, version_of
from xnai.programs.sampler.bundle import bundle

FRESH = fact_classes()["Containers"]().process(output("Containers", "normal"))
WANTED = make(memory_sampler=True)
PACKED = bundle(WANTED)
RUNS = SamplerUnit(True, True, version_of(PACKED), "well")


def state(content: bytes) -> FileState:
    return FileState(hashlib.sha256(content).hexdigest(), "0644", "root", "root")


def with_it(unit: SamplerUnit | None = RUNS):
    files = {PROGRAM: state(PACKED), UNIT_FILE: state(unit_text(PACKED).encode())}
    return dataclasses.replace(FRESH, files=FRESH.files | files, sampler=unit)


def words(settings, facts):
    return [str(one) for one in differences(settings, facts).listed()]


def test_a_host_without_it():
    assert differences(make(), FRESH) == SamplerDifferences()
    assert words(WANTED, FRESH) == [
        f"sampler: {PROGRAM} (absent)", f"sampler: {UNIT_FILE} (absent)"
    ]


def test_nothing_is_to_be_done():
    assert words(WANTED, with_it()) == []


def test_it_is_no_longer_wanted():
    assert words(make(), with_it()) == ["sampler: memory sampler (memory_sampler = False)"]


@pytest.mark.parametrize(
    ("unit", "why"),
    [
        (None, "not enabled"),
        (dataclasses.replace(RUNS, enabled=False), "not enabled"),
        (dataclasses.replace(RUNS, active=False), "not running"),
        (dataclasses.replace(RUNS, version="0123456789ab"), "an older one runs"),
        (dataclasses.replace(RUNS, version=""), "an older one runs"),
    ],
)
def test_a_run_that_was_killed_before_the_start(unit, why):
    assert words(WANTED, with_it(unit)) == [f"sampler: memory sampler ({why})"]


def test_another_threshold_is_another_program_and_another_unit():
    other = make(memory_sampler=True, memory_warn_pressure_pct=20)
    assert words(other, with_it()) == [
        f"sampler: {PROGRAM} (content)", f"sampler: {UNIT_FILE} (content)"
    ]
