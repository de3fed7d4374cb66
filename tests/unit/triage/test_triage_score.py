"""The score: its truth names what exists, and what it counts is what it says."""

from __future__ import annotations

import pytest

from benchmarks.triage import faults
from benchmarks.triage_score import fits, pairs, scored, summary
from xnai.diagnostics.signature import load
from xnai.triage.diagnosis import UNKNOWN

FAULTS = faults()
KNOWN = {one.id for one in load()} | {UNKNOWN}


def root(id_, entity, follows=()):
    return {"id": id_, "entity": entity, "consequences": [{"entity": one} for one in follows]}


def test_there_are_as_many_faults_as_are_told():
    kinds = [fault["kind"] for fault in FAULTS]
    assert kinds.count("single") + kinds.count("chain") >= 40 and kinds.count("chain") >= 10
    assert kinds.count("noise") >= 6
    assert sum("project" in fault for fault in FAULTS) >= 10
    assert len({fault["id"] for fault in FAULTS}) == len(FAULTS)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: one["id"])
def test_the_truth_names_signatures_that_exist(fault):
    named = {one.partition("@")[0] for text in fault["roots"] for one in text.split("|")}
    assert named <= KNOWN and fault["break"] and fault["mend"]


def test_a_root_fits_by_id_and_entity():
    assert fits(root("a", "x"), "b@y|a@x") and fits(root("a", "x"), "a")
    assert not fits(root("a", "x"), "a@y") and not fits(root("b", "x"), "a")


def test_what_is_scored():
    said = {"roots": [root("a", "x", ["u"]), root("b", "y")]}
    both = scored(said, ["a@x", "b@y"], ["u", "v"])
    assert both["exact"] and both["at_1"] and both["symptoms"] == [True, False]
    one = scored(said, ["b@y"], [])
    assert not one["exact"] and not one["at_1"] and one["at_3"] and one["extra"] == ["a@x"]
    assert scored({"roots": []}, [], [])["exact"] and not scored(said, [], [])["at_1"]


def test_pairs_are_of_faults_that_touch_nothing_in_common():
    drawn = pairs(FAULTS, 30, seed=1)
    assert len(drawn) == 30 and drawn == pairs(FAULTS, 30, seed=1)
    for first, second in drawn:
        entities = [
            {one.partition("@")[2] for text in fault["roots"] for one in text.split("|")} - {"host"}
            for fault in (first, second)
        ]
        assert not entities[0] & entities[1] or entities == [{""}, {""}]


def test_the_summary_counts_kinds_apart():
    result = {"at_1": True, "at_3": True, "exact": True, "symptoms": [], "roots": ["a@x"],
              "seconds": 2.0}
    found = summary({
        "s": result | {"kind": "single"}, "p": result | {"kind": "pair", "exact": False},
        "h": result | {"kind": "healthy", "roots": []}, "n": result | {"kind": "noise"},
        "r": result | {"kind": "single", "at_1": False, "repair": {"good": True}},
    })
    assert (found["ac_at_1"], found["singles_n"], found["pairs_exact"]) == (0.5, 2, 0.0)
    assert (found["false_alarms"], found["quiet_n"]) == (1, 2)
    assert (found["repaired"], found["repaired_n"]) == (1.0, 1)
