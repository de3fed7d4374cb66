"""`xnai report --machine`: what is in the bundle, what is masked, and what it proves."""

from __future__ import annotations

import dataclasses
import json
import re
import xml.etree.ElementTree as ElementTree

import pytest
from click.testing import CliRunner
from fact_fixtures import fact_classes, output
from unit_settings import make

from xnai.cli.command import main
from xnai.reports import host_tests, machine
from xnai.run.inspect import Answer, Where
from xnai.triage.ask import HostTriage

LAPTOP = fact_classes()["System"]().process(output("System", "laptop"))
LAB = fact_classes()["System"]().process(output("System", "normal"))
PASSED = {"passed": 42, "failed": 0, "skipped": 3, "cases": [
    {"test": "test_stack::test_a", "outcome": "passed"},
]}
FAILED = {"passed": 41, "failed": 1, "skipped": 3, "cases": [
    {"test": "test_stack::test_b", "outcome": "failed",
     "words": "anna@annas-laptop: /home/anna/x at 192.168.1.7 is not there; /media/annika/disk, "
     "ssh://annas-laptop, annas-box.example, desk" + " long" * 1000},
]}
ALL_BUT_ARM = [
    "a physical machine", "a physical laptop", "a real desktop session", "Ubuntu 24.04",
    "systemd-oomd with Ubuntu's defaults", "images from docker.io",
]


DATA = {"ssh_user": "anna", "ssh_hostname": "annas-box.example"}


def seen(system=LAPTOP, from_docker_io=True):
    triage = HostTriage((), (), make(), {}, ("annas-laptop", "annika"), {})
    return machine.SeenMachine(system, triage, from_docker_io)


def bundled(one, tests, tmp_path, error=""):
    return machine.bundle(
        [Answer("desk", one, error)], {"desk": DATA}, Where(), tmp_path, "2026-12-01T070000Z",
        tested=lambda name, data, where: tests,
    )


@pytest.mark.parametrize(
    ("one", "tests", "rows"),
    [
        (seen(), PASSED, ALL_BUT_ARM),
        (seen(from_docker_io=False), PASSED, ALL_BUT_ARM[:-1]),
        (seen(LAB, False), PASSED, []),
        (seen(dataclasses.replace(LAB, architecture="aarch64"), False), PASSED, ["arm64"]),
        (seen(dataclasses.replace(LAB, oomd=True), False), PASSED, []),
        (seen(), FAILED, []),
        (seen(), {"error": "no connection"}, []),
        (seen(), {"passed": 0, "failed": 0, "skipped": 45}, []),
        # A virtual machine's firmware may call itself a laptop.
        (seen(dataclasses.replace(LAPTOP, virtualisation="kvm")), PASSED, ALL_BUT_ARM[2:]),
    ],
)
def test_what_it_proves(one, tests, rows):
    assert machine.proven(one, tests) == rows


def test_nothing_of_whose_it_is_stands_in_it(tmp_path):
    found = bundled(seen(), FAILED, tmp_path)
    text = json.dumps(found)
    assert not re.search(r"anna|annika|192\.168|desk", text)
    assert len(found["hosts"]["host-1"]["host_tests"]["cases"][0]["words"]) < 2010
    assert found["hosts"]["host-1"]["system"]["product"] == "LENOVO 21HKCTO1WW"
    assert found["hosts"]["host-1"]["baseline"] == "not measured: xnai baseline"
    assert not machine.is_whole(found)
    said = machine.told(found, tmp_path / "machine.json")
    assert said[0] == "[host-1] Ubuntu 24.04.3 LTS; tests/host: 41 passed, 1 failed"
    assert said[1].startswith("  test_stack::test_b: ")


def test_the_newest_baseline_is_in_it(tmp_path):
    for name, ram in (("2026-11-30T100000Z", 1), ("2026-12-01T060000Z", 2)):
        folder = tmp_path / "desk" / name
        folder.mkdir(parents=True)
        (folder / "baseline.json").write_text(json.dumps({"host": "desk", "ram": ram}))
    found = bundled(seen(), PASSED, tmp_path)
    assert found["hosts"]["host-1"]["baseline"] == {
        "host": "", "ram": 2, "run": "2026-12-01T060000Z",
    }
    assert machine.is_whole(found)


def test_a_host_that_does_not_answer_is_told(tmp_path):
    found = bundled(None, PASSED, tmp_path, error="no route to annas-box.example: anna")
    assert "anna" not in json.dumps(found) and not machine.is_whole(found)
    assert machine.told(found, tmp_path)[0].startswith("[host-1] could not tell: no route to ")


def test_it_is_written_whole(tmp_path):
    machine.write({"a": 1}, tmp_path / "m.json")
    assert [path.name for path in tmp_path.iterdir()] == ["m.json"]
    assert json.loads((tmp_path / "m.json").read_text()) == {"a": 1}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "--repository (a git checkout) or --machine (a file) is needed"),
        (("--machine", "/no/such/m.json"), "there is no directory /no/such"),
        (("--machine", "m.json", "--inventory", "@local"), "XNAI_HOSTS=/path/to/hosts.py"),
        (("--machine", "m.json", "no-such-host"), "no host 'no-such-host'"),
    ],
)
def test_a_wrong_call(words, said):
    done = CliRunner().invoke(main, ["report", *words])
    assert done.exit_code == 2 and said in done.output


def test_how_a_host_is_reached(tmp_path, monkeypatch):
    data = {"ssh_hostname": "10.0.0.7", "ssh_port": 2222, "ssh_user": "anna", "ssh_key": "/k"}
    found = host_tests.argv("desk", data, Where(data=("zswap=leave",)), tmp_path / "r.xml")
    assert "--hosts=ssh://desk" in found and "--sudo" in found
    assert found[-2:] == ["--data", "zswap=leave"]
    (extra,) = [word for word in found if word.startswith("--ssh-extra-args=")]
    assert "-o HostName=10.0.0.7 -o Port=2222 -o User=anna -o IdentityFile=/k" in extra
    root = host_tests.argv("desk", {"ssh_user": "root", "ssh_config_file": "/c"}, Where(), tmp_path)
    assert "--sudo" not in root and "--ssh-config=/c" in root
    known = {"_sudo": True, "ssh_strict_host_key_checking": "accept-new", "ssh_key": "/a b/k"}
    by_sudo = host_tests.argv("desk", known, Where(), tmp_path)
    assert "--sudo" in by_sudo
    (extra,) = [word for word in by_sudo if word.startswith("--ssh-extra-args=")]
    assert "-o 'IdentityFile=/a b/k'" in extra and "StrictHostKeyChecking=accept-new" in extra
    for uid, wanted in ((0, False), (1000, True)):
        monkeypatch.setattr(host_tests.os, "geteuid", lambda uid=uid: uid)
        local = host_tests.argv("@local", {}, Where(), tmp_path)
        assert "--hosts=local://" in local and ("--sudo" in local) == wanted


def test_results_are_counted():
    xml = """<testsuites><testsuite>
    <testcase classname="tests.host.test_memory" name="test_a[ssh://desk-2-redis]"/>
    <testcase classname="tests.host.test_memory" name="test_b[ssh://desk-2]">
    <failure message="E"/></testcase>
    <testcase classname="tests.host.test_stack" name="test_c"><error message="no ssh"/></testcase>
    <testcase classname="tests.host.test_stack" name="test_d"><skipped message="writes"/></testcase>
    </testsuite></testsuites>"""
    found = host_tests.counted(ElementTree.fromstring(xml), "ssh://desk-2")  # noqa: S314  (of this test)
    assert (found["passed"], found["failed"], found["skipped"]) == (1, 2, 1)
    assert found["cases"][0]["test"] == "test_memory::test_a[redis]"
    assert found["cases"][1] == {"test": "test_memory::test_b", "outcome": "failed", "words": "E"}


@pytest.mark.parametrize("report", ["", "<testsuites/>"])
def test_tests_that_do_not_come_to_their_end_are_an_error(monkeypatch, report):
    """What passed before a session was ended would prove what was never looked at."""
    monkeypatch.setattr(host_tests, "argv", lambda *words: [
        "sh", "-c", f"echo no such host; [ -z '{report}' ] || echo '{report}' > {words[-1]}; exit 3"
    ])
    assert host_tests.run("desk", {}, Where()) == {"error": "pytest ended with 3: no such host"}
