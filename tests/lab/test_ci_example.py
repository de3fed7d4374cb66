"""The example of CI for a user's own repository does what it says: its steps are run as written."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from xnai.lab.deploying import GROUP_DATA, ROOT

pytestmark = pytest.mark.lab

EXAMPLE = ROOT / "docs/examples/ci"
DOCKERFILE = "FROM docker.io/library/python:3.13-slim\nCOPY app.py /\nUSER 1000\n"


def run_steps(workflow: dict, repository: Path, given: dict[str, str], env: dict[str, str]):
    """Run each `run:` of the one job as a runner would; yield (name, exit code, output)."""
    (job,) = workflow["jobs"].values()
    for step in job["steps"]:
        if "run" not in step:
            continue
        own = {
            name: re.sub(r"\$\{\{ *(?:vars|secrets)\.(\w+) *\}\}", lambda m: given[m[1]], value)
            for name, value in step.get("env", {}).items()
        }
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", step["run"]], cwd=repository, text=True,
            env={**os.environ, **workflow["env"], **env, **own}, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
        )
        yield step["name"], done.returncode, done.stdout


@pytest.fixture
def repository(tmp_path, deployed):
    """A user's repository: settings, hosts, a Dockerfile, and the example's two files."""
    folder = tmp_path / "omega"
    (folder / "ci").mkdir(parents=True)
    shutil.copy(EXAMPLE / "check.sh", folder / "ci/check.sh")
    shutil.copy(deployed.hosts_file, folder / "hosts.py")
    shutil.copytree(GROUP_DATA, folder / "group_data")
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "app.py").write_text("print(1)\n")
    return folder


def test_the_steps_pass_and_fail_where_they_should(deployed, repository):
    workflow = yaml.safe_load((EXAMPLE / "github-actions.yml").read_text())
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "HEAD"], check=True,
                            capture_output=True, text=True).stdout.strip()
    machine = deployed.directory
    port = re.search(r"Port (\d+)", (machine / "ssh_config").read_text())[1]
    given = {
        "XNAI_TEST_HOST": f"ssh://root@127.0.0.1:{port}",
        "XNAI_KNOWN_HOSTS": (machine / "known_hosts").read_text(),
        "XNAI_SSH_KEY": (machine / "id_ed25519").read_text(),
    }
    env = {"XNAI_REPOSITORY": str(ROOT), "XNAI_COMMIT": commit}
    said = list(run_steps(workflow, repository, given, env))
    assert [(name, code) for name, code, _ in said] == [
        ("xnai, of a fixed commit", 0), ("settings, rendered files, audit", 0),
        ("a deployed machine", 0)], said[-1][2]
    assert " passed" in said[2][2] and "failed" not in said[2][2]
    results = repository / "xnai-results"
    assert "zram_size_pct_of_ram = " in (results / "settings.txt").read_text()
    assert (results / "rendered/local/build/rag_api/Dockerfile").is_file()
    assert json.loads((results / "audit.sarif").read_text())["runs"]
    assert given["XNAI_SSH_KEY"].split()[5] not in "".join(text for *_, text in said)

    # A wrong setting, and a file that is not there: both end it, and say why.
    shutil.rmtree(results)
    (repository / "group_data/all.py").write_text('swappiness = "much"\n')
    check = ["sh", "ci/check.sh"]
    words = {"cwd": repository, "capture_output": True, "text": True, "check": False}
    wrong = subprocess.run([*check, "settings"], **words)
    assert wrong.returncode == 2 and "swappiness" in wrong.stderr
    (repository / "group_data/all.py").unlink()
    (repository / "app.py").unlink()
    missing = subprocess.run([*check, "settings", "audit"], **words)
    assert missing.returncode == 1
    assert "Dockerfile" in (results / "audit.sarif").read_text()
