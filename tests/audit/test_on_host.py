"""A host's stack directories: what is fetched, and what is said where it cannot be."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile

import pytest
from click.testing import CliRunner

from xnai.audit import on_host
from xnai.audit.on_host import HostSays, StackFiles
from xnai.cli.command import main
from xnai.run.inspect import Answer

COMPOSE = "services:\n  a:\n    image: docker.io/library/nginx:1.27\n    volumes: ['/tmp/a:/a']\n"


def fetch(directory) -> bytes:
    """What a host's shell answers."""
    fact = StackFiles()
    done = subprocess.run(["sh", "-c", fact.command(str(directory))], capture_output=True,
                          text=True, check=False)
    return fact.process(done.stdout.splitlines())


@pytest.fixture
def inventory(tmp_path, monkeypatch):
    path = tmp_path / "inventory.py"
    path.write_text("")

    def answers(*given: Answer) -> list[str]:
        monkeypatch.setattr(on_host.looking, "ask_each", lambda where, question: list(given))
        return ["audit", "--host", "desk", "--inventory", str(path), "--no-tools"]

    return answers


def test_the_stack_is_judged_and_nothing_is_changed(tmp_path, inventory):
    (tmp_path / "x/stack").mkdir(parents=True)
    (tmp_path / "x/stack/docker-compose.yml").write_text(COMPOSE)
    (tmp_path / "x/build.log").write_text("a log")
    (tmp_path / "x/secret").write_text("none of its business")
    archive = fetch(tmp_path / "x")
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        assert tar.getnames() == ["stack", "stack/docker-compose.yml"]
    words = inventory(Answer("desk", HostSays(archive, {}, 4096), ""), Answer("other", None, ""))
    done = CliRunner().invoke(main, [*words, "--json"])
    found = json.loads(done.output)
    assert done.exit_code == 1
    assert [(one["rule"], one["path"], one["line"]) for one in found["findings"]] == [
        ("compose_tmp_source", "stack/docker-compose.yml", 4)]
    assert found["command"] == (
        f"xnai audit --host desk --inventory {tmp_path}/inventory.py --no-tools")


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([Answer("other", None, "")], "desk: is not in"),
        ([Answer("desk", None, "not reachable: me@desk:22")], "not reachable: me@desk:22"),
        ([Answer("desk", None, "")], "has no readable /var/lib/xnai"),
        ([Answer("desk", HostSays(b"no archive", {}, 1), "")], "cannot be unpacked"),
    ],
)
def test_what_cannot_be_had_is_said(inventory, answers, said):
    done = CliRunner().invoke(main, inventory(*answers))
    assert done.exit_code == 2
    assert said in done.output


def test_an_absent_directory_is_empty(tmp_path):
    assert fetch(tmp_path / "nowhere") == b""


def test_a_link_that_leads_out_is_not_followed(tmp_path, inventory):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        link = tarfile.TarInfo("stack")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        tar.addfile(link)
        tar.addfile(tarfile.TarInfo("stack/PWNED"))
    says = HostSays(data.getvalue(), {}, 1)
    done = CliRunner().invoke(main, inventory(Answer("desk", says, "")))
    assert done.exit_code == 2
    assert not (tmp_path / "PWNED").exists()


@pytest.mark.parametrize("name", ["../PWNED", "/tmp/../PWNED", "stack/../../PWNED"])
def test_a_name_that_leads_out_is_not_followed(tmp_path, inventory, name):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo(name))
    done = CliRunner().invoke(main, inventory(Answer("desk", HostSays(data.getvalue(), {}, 1), "")))
    assert done.exit_code == 2
    assert "which leads out of it" in done.output


def test_the_hosts_images_and_room_are_judged(tmp_path, inventory):
    (tmp_path / "x/stack").mkdir(parents=True)
    (tmp_path / "x/stack/docker-compose.yml").write_text(
        "services:\n  a:\n    image: localhost/a:1\n    mem_limit: 300m\n"
        "    healthcheck: {test: [CMD, probe]}\n")
    (tmp_path / "x/stack/docker-compose.more.yml").write_text(
        "services:\n  b:\n    image: localhost/a:1\n    mem_limit: 200m\n")
    says = HostSays(fetch(tmp_path / "x"), {"localhost/a:1": frozenset({"sh"})}, 400)
    done = CliRunner().invoke(main, [*inventory(Answer("desk", says, "")), "--json"])
    found = {one["rule"]: one for one in json.loads(done.output)["findings"]}
    assert found["compose_healthcheck_binary"]["line"] == 5
    assert "500 MiB of limits on 400 MiB" in found["compose_limits_sum"]["what"]
    done = CliRunner().invoke(main, [*inventory(Answer("desk", says, "")), "--json",
                                     "--ram-mib", "600"])
    assert json.loads(done.output)["results"]["compose_limits_sum"] == "pass"
