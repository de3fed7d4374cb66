"""tasks/report.py and tasks/publish.py against a real machine, into real repositories."""

from __future__ import annotations

import json
import subprocess

import pytest

from xnai.lab.deploying import deploy

pytestmark = pytest.mark.lab


def git(folder, *words: str) -> str:
    """Run git there."""
    return subprocess.run(
        ["git", "-C", str(folder), *words], check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture
def repository(tmp_path):
    """A checkout with a Makefile, and a bare repository as its remote."""
    folder = tmp_path / "omega"
    folder.mkdir()
    (folder / "Makefile").write_text("all:\n\techo all\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "config", "user.name", "Anna")
    git(folder, "config", "user.email", "anna@example.org")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "all")
    git(tmp_path, "init", "-q", "--bare", "bare.git")
    git(folder, "remote", "add", "origin", str(tmp_path / "bare.git"))
    return folder


def test_reports_are_written_and_published_and_a_secret_is_not(deployed, repository, tmp_path):
    words = ("--data", f"report_repository={repository}")

    def run(task: str, *more: str):
        return deploy(deployed, *words, *more, deploy_file=f"tasks/{task}.py")

    first = run("report")
    assert first.code == 0, first.log
    progress = (repository / "memory_bank/progress.md").read_text()
    assert "- host-1: none" in progress  # nothing is wrong
    assert "**Missing:** the memory baseline was not measured." in progress
    kept = list((repository / "_meta/xnai/triage/host-1").iterdir())
    assert len(kept) == 1 and json.loads(kept[0].read_text())["looked"][0]["roots"] == []
    text = "".join(one.read_text() for one in repository.rglob("*.md"))
    for name in (deployed.name, "192.168."):
        assert name not in text
    assert run("report").code == 0
    assert len(list((repository / "_meta/xnai/triage/host-1").iterdir())) == 1

    # A secret of the stack is found by its value, on the host that has it.
    page = repository / "memory_bank/progress.md"
    value = deployed.run(
        "xnai-podman secret inspect --showsecret --format '{{.SecretData}}' xnai_ingest_token"
    ).stdout.strip()
    page.write_text(f"{progress}\nA note: {value}\n")
    refused = run("publish")
    assert refused.code != 0
    line = len(page.read_text().splitlines())
    assert f"memory_bank/progress.md:{line}: the stack's secret xnai_ingest_token" in refused.log
    assert value not in refused.log
    assert git(repository, "branch", "--list", "xnai/reports") == ""
    page.write_text(progress)

    done = run("publish", "--data", "publish_remote=origin")
    assert done.code == 0, done.log
    assert "not pushed to origin yet" in done.log
    subjects = git(repository, "log", "--format=%s", "xnai/reports").splitlines()
    assert subjects[0] == "docs: Phase 5 Progress - Status update & performance baseline"
    assert len(subjects) == 5
    again = run("publish", "--data", "publish_remote=origin")
    assert again.code == 0 and "pushed to origin" in again.log, again.log
    assert git(tmp_path / "bare.git", "rev-parse", "xnai/reports") == git(
        repository, "rev-parse", "xnai/reports"
    )
    assert "nothing new" in run("publish", "--data", "publish_remote=origin").log


def test_it_is_pushed_over_ssh_and_an_unknown_host_is_not(deployed, repository, monkeypatch):
    deployed.run(
        "command -v git >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get -q -y "
        "--no-install-recommends install git; rm -rf /root/bare.git; "
        "git init -q --bare /root/bare.git",
        timeout_s=300,
    )
    git(repository, "remote", "set-url", "origin", f"{deployed.config.host_name}:/root/bare.git")
    words = ("--data", f"report_repository={repository}", "--data", "publish_remote=origin")

    def publish():
        return deploy(deployed, *words, deploy_file="tasks/publish.py")

    known = str(deployed.directory / "known_hosts")
    ssh = f"ssh -F {deployed.ssh_config}"
    monkeypatch.setenv("GIT_SSH_COMMAND", f"{ssh} -o UserKnownHostsFile=/dev/null")
    refused = publish()
    assert refused.code != 0 and "Host key verification failed" in refused.log, refused.log
    assert git(repository, "branch", "--list", "xnai/reports") == ""
    monkeypatch.setenv("GIT_SSH_COMMAND", f"{ssh} -o UserKnownHostsFile={known}")
    first = publish()
    assert first.code == 0 and "not pushed to origin yet" in first.log, first.log
    second = publish()
    assert second.code == 0 and "pushed to origin" in second.log, second.log
    there = deployed.run("git -C /root/bare.git rev-parse xnai/reports").stdout
    assert there == git(repository, "rev-parse", "xnai/reports")
