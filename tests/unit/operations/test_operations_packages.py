"""packages.remove, and what apt.install notes: really run, with an apt of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from operation_runs import commands, on_a_host

from xnai.operations import apt, packages
from xnai.operations.guard import one_at_a_time
from xnai.record.baseline import DIRECTORY

APT_GET = r"""#!/bin/sh
echo "apt-get $*" >> "$HERE/calls"
case "$*" in
*" autoremove") while read -r p; do echo "Remv $p [1]"; done < "$HERE/free" ;;
"-s "*)  shift; for w; do case $w in -*|APT::*|remove) ;; *) echo "Remv $w [1]" ;; esac; done
    cat "$HERE/more" 2>/dev/null ;;
*) while [ "$1" != remove ]; do shift; done; shift
    for w; do sed -i "s/^installed $w\$/config-files $w/" "$HERE/state"; done ;;
esac
"""
DPKG = r"""#!/bin/sh
echo "dpkg $*" >> "$HERE/calls"
case $1 in
--print-architecture) echo amd64 ;;
--purge) shift; for w; do sed -i "/^config-files $w\$/d" "$HERE/state"; done ;;
esac
"""


class Packages:
    """A machine's packages, with programs that know just enough of apt and dpkg."""

    def __init__(self, here: Path) -> None:
        self.here = here
        programs = {
            "apt-get": APT_GET, "dpkg": DPKG,
            "apt-mark": '#!/bin/sh\necho "apt-mark $*" >> "$HERE/calls"\n',
            "dpkg-query": '#!/bin/sh\ncat "$HERE/state"\n',
        }
        (here / "bin").mkdir()
        for name, text in programs.items():
            program = here / "bin" / name
            program.write_text(text)
            program.chmod(0o755)

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", str(script).replace(DIRECTORY, str(self.here))], text=True, check=False,
            capture_output=True,
            env={"PATH": f"{self.here}/bin:/usr/bin:/bin", "HERE": str(self.here)},
        )

    def write(self, name: str, *lines: str) -> None:
        (self.here / name).write_text("".join(f"{line}\n" for line in lines))

    def read(self, name: str) -> list[str]:
        return (self.here / name).read_text().splitlines()


@pytest.fixture
def machine(tmp_path):
    return Packages(tmp_path)


def test_what_an_installation_brought_is_noted(machine):
    machine.write("state", "installed base", "config-files old", "installed libx:amd64")
    assert machine.run(apt.remember()).returncode == 0
    machine.write(
        "state", "installed base", "installed old", "installed libx:amd64", "installed podman",
        "installed liby:amd64", "installed libz:i386", "unpacked half",
    )
    assert machine.run(apt.note()).returncode == 0
    noted = ["old remove", "podman purge", "liby purge", "libz:i386 purge"]
    assert machine.read("packages.installed") == noted
    assert not (machine.here / "packages.before").exists()
    # Nothing to note: somebody else installed it.
    assert machine.run(apt.note()).returncode == 0
    assert machine.read("packages.installed") == noted


def test_an_installation_that_was_cut_off_is_noted_by_the_next(machine):
    machine.write("state", "installed base")
    machine.run(apt.remember())
    machine.write("state", "installed base", "installed podman")
    machine.run(apt.remember())  # the next run
    machine.run(apt.note())
    assert machine.read("packages.installed") == ["podman purge"]


def test_what_somebody_installs_after_one_that_failed_is_not_ours(machine):
    with on_a_host(executing=False):
        (install,) = commands(apt.install, packages=["podman"])
    machine.write("state", "installed base")
    failing = machine.here / "bin/apt-get"
    text = failing.read_text()
    failing.write_text(
        '#!/bin/sh\ngrep -q crun "$HERE/state" || echo "installed crun" >> "$HERE/state"\n'
        "exit 100\n"
    )
    assert machine.run(install).returncode == 100
    assert machine.read("packages.installed") == ["crun purge"]
    failing.write_text(text)
    machine.write("state", "installed base", "installed crun", "installed mine")
    machine.run(apt.note())
    assert machine.read("packages.installed") == ["crun purge"]


def test_packages_go_with_what_came_with_them_and_nothing_else(machine):
    machine.write("packages.installed", "podman purge", "crun purge", "old remove", "podman purge")
    machine.write("state", "installed podman", "installed crun", "installed old", "installed mine")
    machine.write("free", "podman", "crun", "old", "old-kernel")
    done = machine.run(packages.removal())
    assert (done.returncode, done.stderr) == (0, "")
    assert machine.read("state") == ["config-files old", "installed mine"]
    assert not (machine.here / "packages.installed").exists()
    calls = "\n".join(machine.read("calls"))
    assert "old-kernel" not in calls and "mine" not in calls
    assert done.stdout == "removing 3 packages\n"


def test_what_somebody_needs_by_now_stays(machine):
    machine.write("packages.installed", "podman purge", "crun purge")
    machine.write("state", "installed podman", "installed crun", "installed buildah")
    machine.write("free", "podman")
    done = machine.run(packages.removal())
    assert "packages that stay, since others need them: crun\n" in done.stdout
    assert machine.read("state") == ["installed crun", "installed buildah"]


@pytest.mark.parametrize("more", ["Remv mine [1]", "Inst other (2)"])
def test_where_apt_would_do_more_it_does_nothing(machine, more):
    machine.write("packages.installed", "podman purge")
    machine.write("state", "installed podman")
    machine.write("free", "podman")
    machine.write("more", more)
    done = machine.run(packages.removal())
    assert done.returncode == 1
    assert f"{more.split()[1]}. No package was removed." in done.stderr
    assert machine.read("state") == ["installed podman"]
    assert machine.read("packages.installed") == ["podman purge"]


def test_a_removal_that_was_cut_off_is_finished(machine):
    machine.write("packages.installed", "podman purge", "crun purge", "gone purge")
    machine.write("state", "config-files podman", "config-files crun", "config-files mine")
    machine.write("free")
    assert machine.run(packages.removal()).returncode == 0
    assert machine.read("state") == ["config-files mine"]


def test_remove(monkeypatch):
    with on_a_host(executing=False):
        (found,) = commands(packages.remove)
    assert str(found) == one_at_a_time(packages.removal())
    waited = []
    monkeypatch.setattr(packages.apt, "wait_for_lock", waited.append)
    with on_a_host():
        commands(packages.remove, lock_timeout_s=7)
    assert waited == [7]
