"""Installing packages, and waiting for whoever holds apt's locks."""

from __future__ import annotations

import itertools
import os

import pytest
from operation_runs import commands, on_a_host, really_run
from pyinfra.api.exceptions import OperationError

from xnai.operations import apt
from xnai.record.baseline import DIRECTORY

HOLDER = "PID 812 (unattended-upgr), user root"


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """Programs in the place of apt-get and dpkg that note what they are told, and may fail."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "installed").write_text("installed base\n")
    for name, text in {
        "apt-get": 'case "$*" in *install*) [ ! -e fail ] || { rm fail; exit 100; }; '
        'for last; do :; done; echo "installed $last" >> installed ;; esac',
        "dpkg": '[ "$1" != --audit ] || cat audit 2>/dev/null',
        "dpkg-query": "cat installed",
    }.items():
        program = tmp_path / "bin" / name
        program.write_text(
            f'#!/bin/sh\ncd {tmp_path}\necho "{name} $DEBIAN_FRONTEND $*" >> told\n{text}\n'
        )
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    return tmp_path


def install(tools, *packages):
    """Really run it; return its exit code and what apt and dpkg were told to do."""
    with on_a_host(executing=False):
        (command,) = commands(apt.install, packages=packages, lock_timeout_s=60)
    assert command.limit_s == 2 * 3600  # a slow line
    (tools / "told").unlink(missing_ok=True)
    done = really_run(command, lambda text: text.replace(DIRECTORY, str(tools)), check=False)
    told = (tools / "told").read_text().splitlines()
    words = ("apt-get", "dpkg noninteractive --configure")
    return done.returncode, [line for line in told if line.startswith(words)]


def test_what_is_there_is_installed_without_fetching_lists_or_asking_anybody(tools):
    code, told = install(tools, "crun", "podman")
    assert code == 0
    assert told == [
        "apt-get noninteractive -q -y --no-install-recommends -o Dpkg::Options::=--force-confdef "
        "-o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=60 install crun podman"
    ]
    assert (tools / "packages.installed").read_text() == "podman purge\n"
    assert not (tools / "packages.before").exists()


def test_lists_that_do_not_know_it_are_fetched(tools):
    (tools / "fail").touch()
    code, told = install(tools, "podman")
    assert code == 0
    assert [line.split()[-1] for line in told] == ["podman", "update", "podman"]


def test_an_interrupted_dpkg_is_mended_first(tools):
    (tools / "audit").write_text("half a package\n")
    _, told = install(tools, "podman")
    assert told[0] == "dpkg noninteractive --configure -a"


def test_what_came_before_it_failed_is_noted_too(tools):
    (tools / "bin/apt-get").write_text(
        f"#!/bin/sh\necho apt-get $* >> {tools}/told\n"
        f"grep -q crun {tools}/installed || echo installed crun >> {tools}/installed\nexit 100\n"
    )
    code, _ = install(tools, "crun", "podman")
    assert code == 100
    assert (tools / "packages.installed").read_text() == "crun purge\n"


@pytest.mark.parametrize("name", ["", "-y", "Podman", "a b", "x;id", "podman=5"])
def test_what_is_no_package_name(name):
    with on_a_host(), pytest.raises(OperationError, match="not names of Debian packages"):
        commands(apt.install, packages=["crun", name])


def test_nobody_is_asked_while_the_run_is_prepared():
    with on_a_host(executing=False) as host:
        commands(apt.install, packages=["crun"])
    assert host.logged == []


def test_a_free_lock_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(apt.time, "sleep", lambda seconds: pytest.fail("slept"))
    with on_a_host() as host:
        host.facts = [None]
        assert len(commands(apt.install, packages=["crun"])) == 1
    assert host.logged == []


def test_waits_saying_once_for_whom(monkeypatch):
    monkeypatch.setattr(apt.time, "sleep", lambda seconds: None)
    with on_a_host() as host:
        host.facts = [HOLDER, HOLDER, "PID 900 (apt-get), user root", None]
        assert len(commands(apt.install, packages=["crun"])) == 1
    assert host.logged == [
        f"waiting for apt, locked by {HOLDER} (at most 300 s)",
        "waiting for apt, locked by PID 900 (apt-get), user root (at most 300 s)",
    ]


def test_gives_up_naming_the_holder(monkeypatch):
    clock = itertools.count(0, 7)
    monkeypatch.setattr(apt.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(apt.time, "monotonic", lambda: next(clock))
    with on_a_host() as host:
        host.facts = [HOLDER] * 9
        with pytest.raises(OperationError) as failure:
            commands(apt.install, packages=["crun"], lock_timeout_s=20)
    assert str(failure.value) == (
        f"apt is locked by {HOLDER} after 20 s of waiting. "
        "Let it finish or stop it, then run this again; nothing was installed by this step."
    )
