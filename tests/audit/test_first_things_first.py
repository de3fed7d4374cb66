"""What stops what everybody starts comes first, however much else is found."""

from __future__ import annotations

import json

import pytest
import seeded_trees
from click.testing import CliRunner

from xnai.audit.command import audit as command
from xnai.audit.engine import audit
from xnai.audit.options import Options

QUICK = Options(tools=False, cache=False)


@pytest.mark.parametrize("seed", seeded_trees.SEEDS)
def test_what_breaks_the_start_is_among_the_first_ten(tmp_path, seed):
    rules = seeded_trees.write(tmp_path, seed)
    found = audit(tmp_path, QUICK).findings
    assert len(found) > 1_000
    first = [one for one in found[:10] if one.reach.kind == "entry"]
    assert rules <= {one.rule for one in first}
    # And in front of all that stops less.
    assert {one.rule for one in found[: len(rules)]} == rules


def test_reach_is_told(tree, tmp_path):
    tree({
        "Makefile": "help:\n\techo\nbuild: prepare\n\tbash build.sh\nprepare:\n\tbash gone.sh\n"
                    "side:\n\tbash gone.sh\n",
        "build.sh": "#!/bin/sh\ndocker build -t a -f images/a.Dockerfile .\n",
        "images/a.Dockerfile": "FROM docker.io/library/debian:13-slim\nCOPY no /\nUSER 1\n",
        "images/b.Dockerfile": "FROM docker.io/library/debian:13-slim\nCOPY no /\nUSER 1\n",
        "old/Dockerfile": "FROM docker.io/library/debian:13-slim\nCOPY no /\nUSER 1\n",
        "compose.yml": "services:\n  a:\n    image: docker.io/library/nginx:1.27\n"
                       "    networks: [x]\n  b:\n    profiles: [later]\n"
                       "    image: docker.io/library/nginx:1.27\n    networks: [y]\n",
    })
    reach = {(one.rule, one.path, one.line): (one.reach.kind, one.reach.who)
             for one in audit(tmp_path, QUICK).findings}
    assert reach["make_missing_file", "Makefile", 6] == ("entry", "make build")
    assert reach["make_missing_file", "Makefile", 8] == ("side", "make side")
    assert reach["docker_copy_missing", "images/a.Dockerfile", 2] == ("entry", "make build")
    assert reach["docker_copy_missing", "images/b.Dockerfile", 2] == ("side", "")
    assert reach["docker_copy_missing", "old/Dockerfile", 2] == (
        "nothing", "nothing builds this file")
    assert reach["compose_undefined_reference", "compose.yml", 4] == (
        "entry", "the start of compose.yml")
    assert reach["compose_undefined_reference", "compose.yml", 8] == (
        "side", "service b of compose.yml")


def run(*words: object):
    return CliRunner().invoke(command, list(map(str, words)))


def test_the_first_page(tmp_path):
    seeded_trees.write(tmp_path, 1)
    text = run(tmp_path, "--no-tools", "--no-cache", "--top", 5).output
    assert len(text.splitlines()) < 120
    assert text.index("What to do first:") < text.index("Stops a build or a start")
    assert text.index("Stops a build or a start") < text.index("Breaks a side target")
    assert "more groups: --all, or --top N" in text and "By rule:" in text and "By file" in text
    assert ("450 places" in text and "447 more places" in text) or "446 more places" in text


def test_all_shows_every_place(tmp_path):
    seeded_trees.write(tmp_path, 1)
    text = run(tmp_path, "--no-tools", "--no-cache", "--all").output
    found = json.loads(run(tmp_path, "--no-tools", "--no-cache", "--json").output)
    missing = [one for one in found["findings"] if one["rule"] == "make_missing_file"]
    assert len(missing) == 450
    assert all(f"Makefile:{one['line']}" in text for one in missing)


def test_groups_hold_each_finding_once(tmp_path):
    seeded_trees.write(tmp_path, 4)
    found = json.loads(run(tmp_path, "--no-tools", "--no-cache", "--json").output)
    numbers = [at for group in found["groups"] for at in group["findings"]]
    assert sorted(numbers) == list(range(len(found["findings"])))
    assert sum(row["findings"] for row in found["by_rule"]) == len(numbers)
    assert 0 < len(found["first"]) <= 5
