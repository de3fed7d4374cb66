"""Signatures are data: each matches its own real texts, not the near ones, and nobody else's."""

from __future__ import annotations

import re

import pytest

from xnai.diagnostics.signature import load, parse
from xnai.stack.catalogue import BUILT_IN
from xnai.triage.judge import ANY, judge
from xnai.triage.observation import HOST, Observation, Seen
from xnai.triage.repairs import ORDER

SIGNATURES = load()
BY_ID = {one.id: one for one in SIGNATURES}
# Those that were collected from the field, by the names that they have there.
FROM_THE_FIELD = {
    "redis-rdb-denied", "redis-unpublished", "redis-noauth", "redis-tls-mismatch",
    "vikunja-redis-host", "vikunja-jwt-name", "pg-password", "pg-run-denied", "secret-missing",
    "network-undefined", "yaml-duplicate", "apt-lock", "base-missing", "build-nospace",
    "name-in-use", "flag-unknown", "module-missing", "config-missing", "readonly-fs",
    "app-dir-denied", "log-rotate-denied", "ws-upgrade", "exit-101-wal", "port-taken",
    "lib-missing", "oom-cgroup", "oom-global", "oomd-kill", "exit-137-stop", "exit-143",
    "build-dns", "linger-off", "runtime-dir", "zram-idle", "zram-rival", "images-stale",
    "generation-drift",
}
# What says more of the same thing, or less, may fit the same text: the judge keeps one.
MAY_SHARE = {
    ("config-missing", "secret-missing"), ("container-ended", "restarting"),
    ("exit-126-127", "container-ended"), ("exit-137-stop", "container-ended"),
    ("exit-143", "container-ended"), ("firewall-block", "need-unreached"),
    ("name-in-use", "container-created"), ("name-unknown", "need-unreached"),
    ("pg-password", "need-unreached"),
    ("stopped-on-purpose", "exit-143"),
}


def fits(signature, kind, text):
    return any(pattern.match(kind, text) for pattern in signature.when)


def holds(signature, example):
    seen = [(example.kind, example.text), *example.also]
    return (
        fits(signature, example.kind, example.text)
        and all(any(p.match(*one) for one in seen) for p in signature.needs)
        and not any(p.match(*one) for one in seen for p in signature.unless)
    )


@pytest.mark.parametrize("signature", SIGNATURES, ids=lambda one: one.id)
def test_it_matches_its_texts_and_not_the_near_ones(signature):
    assert signature.must and signature.near, "a text that must match, and a near one that must not"
    for example in signature.must:
        assert holds(signature, example), example.text
    for example in signature.near:
        assert not holds(signature, example), example.text


@pytest.mark.parametrize("signature", SIGNATURES, ids=lambda one: one.id)
def test_no_other_signature_fires_on_its_texts(signature):
    for example in signature.must:
        others = {
            one.id for one in SIGNATURES
            if one is not signature and fits(one, example.kind, example.text)
        }
        assert not {one for one in others if (signature.id, one) not in MAY_SHARE}


def test_all_that_is_shared_is_really_shared():
    for first, second in MAY_SHARE:
        texts = [(one.kind, one.text) for one in BY_ID[first].must]
        assert any(fits(BY_ID[second], *text) for text in texts), (first, second)


def test_what_they_name_is_there():
    for one in SIGNATURES:
        assert (set(one.follows) - {ANY}) | set(one.replaces) <= BY_ID.keys(), one.id
        assert not one.repair or one.repair in ORDER, one.id
        assert one.source, one.id


def test_every_failure_from_the_field_has_one():
    assert BY_ID.keys() >= FROM_THE_FIELD


def test_a_sentence_names_only_groups_that_some_pattern_has():
    for one in SIGNATURES:
        groups = {name for p in one.when for name in p.expression.groupindex}
        groups |= {"entity", "podman", "service"}
        words = {
            name for text in (one.cause, one.remedy)
            for name in re.findall(r"\{(\w+)\}", text)
        }
        assert words <= groups, one.id


def test_the_names_of_the_stacks_own_services_are_left_to_others():
    for one in BUILT_IN:
        for text in ("Failed to resolve '%s' (x)", "Error -2 connecting to %s:1. x",
                     "Could not resolve host: %s", "Cannot connect to host %s:1 x [Name or service "
                     "not known]"):
            assert not fits(BY_ID["name-unknown"], "log", text % one.name) or one.name == "awq"


def test_no_remedy_puts_a_password_on_a_command_line():
    for one in SIGNATURES:
        assert "PASSWORD=" not in one.remedy and " -a " not in one.remedy, one.id
        assert "777" not in one.remedy and "rm -rf" not in one.remedy, one.id


@pytest.mark.parametrize("signature", SIGNATURES, ids=lambda one: one.id)
def test_the_judge_names_it_of_its_own_text(signature):
    example = signature.must[0]
    seen = Seen(services={"c": "c"}, needs={"c": set()})
    entity = HOST if example.kind in ("space", "memory", "account", "unit", "kernel", "store",
                                      "file") else "c"
    kinds = [(example.kind, example.text), *example.also]
    if not any(kind == "state" for kind, _ in kinds) and entity == "c":
        kinds.insert(0, ("state", "running unhealthy restarts=0 policy=unless-stopped"))
    seen.observations += [Observation(kind, entity, text) for kind, text in kinds]
    found = judge(seen, SIGNATURES)
    told = {root.id for root in found.roots} | {one.id for one in found.choices}
    told |= {one.id for root in found.roots for one in root.consequences}
    if signature.level != "symptom":
        assert signature.id in told
    else:
        assert found.roots, "a symptom without a cause is told as unknown"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('id = "x"', "level"),
        ('id = "y"\nlevel="cause"\ntitle="t"\ncause="c"\nsource="s"\nwhen=[]', "the file's name"),
        ('id = "x"\nlevel="bad"\ntitle="t"\ncause="c"\nsource="s"\nwhen=[]', "one of"),
        ('id = "x"\nlevel="cause"\ntitle="t"\ncause="c"\nsource="s"\nwhen=[]\nremdey=1', "remdey"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(text, said):
    with pytest.raises(ValueError, match=said):
        parse(text, "x")
