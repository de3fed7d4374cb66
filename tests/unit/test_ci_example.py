"""The example of CI for a user's own repository, as far as it needs no machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from xnai.cli.command import main

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs/examples/ci"


@pytest.fixture
def check(tmp_path):
    """Run check.sh in a repository that has it."""
    folder = tmp_path / "my omega"
    (folder / "ci").mkdir(parents=True)
    shutil.copy(EXAMPLE / "check.sh", folder / "ci/check.sh")

    def run(*steps: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "ci/check.sh", *steps], cwd=folder, capture_output=True, text=True, check=False,
            env={**os.environ, "XNAI_CHECKOUT": str(ROOT), **env}, stdin=subprocess.DEVNULL,
        )

    run.folder = folder
    return run


def test_settings_and_rendered_files(check):
    (check.folder / "group_data").mkdir()
    (check.folder / "group_data/all.py").write_text("redis_port = 16379\n")
    done = check("settings", "render")
    assert done.returncode == 0, done.stderr
    results = check.folder / "xnai-results"
    assert "redis_port = 16379" in (results / "settings.txt").read_text()
    compose = yaml.safe_load((results / "rendered/local/stack/docker-compose.yml").read_text())
    assert set(compose["services"]) >= {"redis", "rag_api", "chainlit_ui"}
    again = check("render")
    assert again.returncode == 2 and "is not empty" in again.stderr


def test_a_wrong_setting_ends_it(check):
    (check.folder / "group_data").mkdir()
    (check.folder / "group_data/all.py").write_text("redis_port = 'much'\n")
    done = check("settings", "render")
    assert done.returncode == 2
    assert "redis_port" in done.stderr and "==> render" not in done.stdout


def test_what_is_missing_is_asked_for(check):
    assert "no step rendr" in check("rendr").stderr
    done = check("host")
    assert done.returncode and "TEST_HOST=ssh://me@laptop.lan" in done.stderr


def test_a_tree_that_cannot_be_built_is_told_and_nothing_is_written(tmp_path):
    done = CliRunner().invoke(main, [
        "render", str(tmp_path / "out"), "--inventory", "@local", "--data",
        f"service_sources={{'rag_api': {{'root': '{tmp_path}/nowhere'}}}}"])
    assert done.exit_code == 2
    assert "nowhere" in done.output and not (tmp_path / "out").exists()


def test_the_workflow_gives_no_secret_to_a_pull_request():
    workflow = yaml.safe_load((EXAMPLE / "github-actions.yml").read_text())
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    with_secret = [step for step in job["steps"] if "secrets." in str(step)]
    assert [step["name"] for step in with_secret] == ["a deployed machine"]
    assert "github.event_name == 'push'" in with_secret[0]["if"]
