"""Targets that are really run: on a copy, with nothing to reach, only where they are named."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from xnai.audit.command import audit as command

MAKEFILE = """\
.PHONY: quick slow fails home net
quick:
\t@touch made
slow:
\t@sleep 1
fails:
\t@exit 3
home:
\t@test -z "$$SECRET" && test ! -e /root/.ssh && test ! -e /home && test ! -e /var/lib
net:
\t@test "$$(ls /sys/class/net 2>/dev/null | wc -l)" -le 1
"""

@pytest.fixture
def rows(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET", "mine")
    (tmp_path / "Makefile").write_text(MAKEFILE)

    def run(*targets: str) -> dict[str, tuple[float, str]]:
        words = [word for target in targets for word in ("--run", target)]
        done = CliRunner().invoke(
            command, [str(tmp_path), "--no-tools", "--no-cache", "--json", *words])
        found = json.loads(done.stdout)
        tables = [one for one in found["metrics"] if one["title"].startswith("Real runs")]
        assert len(tables) == bool(targets)
        return {name: (float(seconds), code) for one in tables
                for name, seconds, code in one["rows"]}

    return run


def test_nothing_is_run_unasked(rows, tmp_path):
    assert rows() == {}
    assert not (tmp_path / "made").exists()


def test_targets_are_timed_on_a_copy(rows, tmp_path):
    found = rows("quick", "slow", "fails")
    assert {name: code for name, (_, code) in found.items()} == {
        "quick": "0", "slow": "0", "fails": "2"}
    assert found["slow"][0] >= 1
    assert not (tmp_path / "made").exists()


def test_there_is_nothing_to_reach(rows):
    assert {code for _, code in rows("home", "net").values()} == {"0"}


def test_an_option_is_no_target(tmp_path):
    (tmp_path / "Makefile").write_text(MAKEFILE)
    done = CliRunner().invoke(
        command, [str(tmp_path), "--no-tools", "--no-cache", "--json", "--run", "--eval=x"])
    assert "is no target's name" in json.loads(done.stdout)["unknown"][0]["why"]
