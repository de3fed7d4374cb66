"""The script itself, on the machine that runs the tests."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from preflight_hosts import settings

from xnai.facts.machine.model import PreflightFacts
from xnai.facts.machine.parse import parse
from xnai.facts.machine.probe import host_and_port, script
from xnai.facts.preflight import Preflight
from xnai.preflight.judge import judge
from xnai.preflight.wanted import registry_url, wanted
from xnai.record.baseline import RECORD, Before, OldFile, OldUser, OldZram

HOSTILE = "x y'; touch /tmp/never $(id) \" \\"


def stubs(folder: Path) -> str:
    """A PATH whose slow or telling programs are stand-ins: the script is tested, not this host."""
    (folder / "dpkg-query").write_text("#!/bin/sh\necho podman installed 5.4.2+ds1-2\n")
    (folder / "dpkg-query").chmod(0o755)
    return f"{folder}:/usr/sbin:/usr/bin:/sbin:/bin"


@pytest.mark.parametrize("program", ["sh", "dash", "bash"])
def test_runs_whole_and_silent(tmp_path, program):
    text = script(
        sysctl_keys=["vm.swappiness", "vm.no_such_key"],
        ports=[8000, 22],
        stack_user=HOSTILE,
        paths=["/var/tmp", f"/no such/{HOSTILE}", "~/x"],
        urls=["docker.io"],
    )
    done = subprocess.run(
        [program, "-c", text],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": stubs(tmp_path)},
    )
    assert done.stderr == ""
    facts = parse(done.stdout.splitlines())
    assert facts.complete
    live = Path("/proc/sys/vm/swappiness").read_text().strip()
    assert facts.sysctl_live and facts.sysctl_live["vm.swappiness"].text == live
    assert facts.sysctl_live["vm.no_such_key"].state == "absent"
    assert [space.path for space in facts.spaces] == ["/var/tmp", f"/no such/{HOSTILE}", "~/x"]
    assert facts.podman_installed.text == "5.4.2+ds1-2"
    assert facts.probes == ()  # podman is there, so this is no fresh machine
    assert facts.stack_user_home is None
    assert facts.mem_total_kib and facts.swaps is not None and facts.sysctl_files is not None


@pytest.mark.parametrize("program", ["sh", "dash", "bash"])
def test_a_systemctl_that_hangs_is_not_waited_for(tmp_path, program):
    path = stubs(tmp_path)
    (tmp_path / "systemctl").write_text("#!/bin/sh\nsleep 2\necho Id=late.service\n")
    (tmp_path / "systemctl").chmod(0o755)
    text = script().replace("/run/systemd/system", str(tmp_path))
    done = subprocess.run(
        [program, "-c", text.replace("timeout 5 ", "timeout 0.1 ")],
        capture_output=True, text=True, check=True, env={"PATH": path},
    )
    facts = parse(done.stdout.splitlines())
    assert facts.complete
    assert facts.units is None  # could not tell: not a machine without units


@pytest.mark.parametrize("program", ["sh", "dash", "bash"])
def test_whether_there_is_a_record_costs_no_process(program, tmp_path):
    text = script().replace(RECORD, str(tmp_path / "before.json"))
    at = text.index(f"if [ -e {tmp_path}/before.json ]")
    code = text[at:text.index("\nput sysctldirs", at)]
    assert not set("|`(&") & set(code)  # built-ins of the shell alone
    record = Before(
        {}, None, OldZram(False, False, 0, "", 0), OldUser("me-2_x", True, False, (), ()),
        {"/etc/x": OldFile(b'"name": "other"', "0644", "root", "root")}, frozenset(),
    )
    for content, state, name in (
        (None, "absent", ""), ("", "ok", ""), ('{\n "name', "ok", ""),
        (record.text(), "ok", "me-2_x"),
    ):
        if content is not None:
            (tmp_path / "before.json").write_text(content)
        done = subprocess.run(
            [program, "-c", text], capture_output=True, text=True, check=True,
            env={"PATH": stubs(tmp_path)},
        )
        found = parse(done.stdout.splitlines()).before
        assert (found.state, found.text) == (state, name)


def test_this_machine_gets_one_clear_verdict(tmp_path):
    want = wanted(settings())
    command = Preflight().command(
        sysctl_keys=want.sysctl_keys, ports=tuple(want.ports), paths=tuple(want.space_needs_mib)
    )
    done = subprocess.run(
        ["sh", "-c", str(command)],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": stubs(tmp_path)},
    )
    facts = Preflight().process(done.stdout.splitlines())
    ids = [finding.id for finding in judge(facts, settings(facts.mem_total_kib or 1))]
    assert "facts" not in ids
    assert ("systemd" in ids) is not Path("/run/systemd/system").is_dir()


def test_the_fact_takes_no_output_as_unknown():
    assert Preflight().process([]) == Preflight.default() == PreflightFacts()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("docker.io", ("docker.io", 443)),
        ("https://pypi.org/simple", ("pypi.org", 443)),
        ("http://10.0.2.2:5000/v2/", ("10.0.2.2", 5000)),
        ("http://mirror/", ("mirror", 80)),
        ("https://[::1]:8443/x", ("::1", 8443)),
        ("https://u:p@host/x", ("host", 443)),
    ],
)
def test_host_and_port(url, expected):
    assert host_and_port(url) == expected


def test_registry_urls_follow_the_mirror():
    mirrors = {"docker.io": ("10.0.2.2:5000/cache", True)}
    assert registry_url("docker.io", mirrors) == "http://10.0.2.2:5000/v2/"
    assert registry_url("docker.io", {}) == "https://registry-1.docker.io/v2/"
    assert registry_url("quay.io", mirrors) == "https://quay.io/v2/"


@pytest.fixture
def open_path():
    """A folder that every user may enter; pytest's own are its user's alone."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        path = Path(folder)
        path.chmod(0o755)
        yield path


@pytest.mark.skipif(os.getuid() != 0, reason="only root may look with another user's eyes")
@pytest.mark.parametrize("program", ["dash", "bash"])
def test_what_the_stacks_user_may_read(program, open_path):
    tmp_path = open_path
    for name, mode in (("open", 0o755), ("closed", 0o700)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "it's a file").touch()
        (tmp_path / name).chmod(mode)
    (tmp_path / "private").touch(0o600)
    paths = [f"{tmp_path}/{name}" for name in (
        "open", "open/it's a file", "closed", "closed/it's a file", "private", "no such")]
    for user in ("nobody", "no-such-user"):
        text = script(named=paths, stack_user=user)
        done = subprocess.run([program, "-c", text], capture_output=True, text=True, check=True)
        found = {n.path: (n.state, n.is_directory) for n in parse(done.stdout.splitlines()).named}
        assert list(found) == paths
        assert list(found.values()) == [
            ("ok", True), ("ok", False), ("unreadable", True), ("unreadable", False),
            ("unreadable", False), ("absent", False),
        ]
