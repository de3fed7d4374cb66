"""teardown.*: what would be sent; what removes packages is really run, with an apt of its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from operation_runs import commands, on_a_host
from pyinfra.api.command import FileUploadCommand
from pyinfra.api.exceptions import OperationError

from xnai.before import DIRECTORY, OldFile, OldZram
from xnai.facts.memory import MemoryFacts, Zram
from xnai.operations import apt, teardown
from xnai.operations.guard import one_at_a_time

PODMAN = teardown.XNAI_PODMAN
NOTHING = {"containers": (), "networks": (), "images": (), "volumes": (), "secrets": ()}


def run(operation, /, **arguments):
    with on_a_host(executing=False):
        return commands(operation, **arguments)


def test_podman():
    found = run(
        teardown.podman, containers=["xnai_b", "xnai_a"], networks=["xnai"],
        images=["localhost/xnai_a:1"], volumes=["xnai_data"], secrets=["xnai_word"],
        label="io.xnai.stack=xnai",
    )
    assert found == [
        one_at_a_time(f"{PODMAN} rm --force --ignore --time 30 xnai_b xnai_a"),
        one_at_a_time(f"{PODMAN} network rm --force xnai >/dev/null"),
        one_at_a_time(f"{PODMAN} volume rm --force xnai_data >/dev/null"),
        one_at_a_time(f"{PODMAN} secret rm --ignore xnai_word >/dev/null"),
        one_at_a_time(
            f"{{ {PODMAN} rmi --ignore localhost/xnai_a:1 || [ $? = 2 ]; }} >/dev/null && "
            f"{PODMAN} image prune --force --filter label=io.xnai.stack=xnai >/dev/null"
        ),
    ]
    parts = NOTHING | {"containers": ["xnai_a"]}
    assert len(run(teardown.podman, **parts, label="x")) == 1


@pytest.mark.parametrize(("sessions", "count"), [(0, 2), (1, 1)])
def test_stop_user(sessions, count):
    found = run(teardown.stop_user, user="xnai", uid=2000, sessions=sessions)
    # The manager of somebody who is logged in is never stopped.
    assert found == ["loginctl disable-linger xnai", "systemctl stop user@2000.service"][:count]


def test_remove_user():
    *_, userdel, empty = run(teardown.remove_user, user="xnai", uid=2000, empty=["/etc/subuid"])
    assert userdel == one_at_a_time(
        "! id -u xnai >/dev/null 2>&1 || userdel --remove xnai"
    )
    assert empty == "for f in /etc/subuid; do [ -s \"$f\" ] || rm -f \"$f\"; done"
    assert len(run(teardown.remove_user, user="xnai", uid=2000, empty=[])) == 3


def test_subordinate_ids():
    found = run(
        teardown.subordinate_ids, user="me", uids=["me:100000:65536"], gids=["me:200000:10"],
    )
    assert found == [
        "usermod --del-subuids 100000-165535 me", "usermod --del-subgids 200000-200009 me",
    ]


def test_home_files(tmp_path):
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/ours").touch()
    (tmp_path / "a/mine").touch()
    (found,) = run(
        teardown.home_files, user="me", paths=[f"{tmp_path}/a/b/ours"],
        directories=[f"{tmp_path}/a/b", f"{tmp_path}/a", f"{tmp_path}/no"],
    )
    assert found.startswith("cd / && runuser -u me -- sh -c ")
    subprocess.run(["sh", "-c", found.replace("runuser -u me -- ", "")], check=True)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "mine"]


def put_back(tmp_path, old, user):
    path = tmp_path / "it"
    upload, command = run(teardown.put_back, path=str(path), old=old, user=user)
    assert isinstance(upload, FileUploadCommand)
    Path(upload.dest.replace(DIRECTORY, str(tmp_path))).write_bytes(upload.src.read())
    command = command.replace(DIRECTORY, str(tmp_path)).replace("runuser -u me -- ", "")
    subprocess.run(["sh", "-c", command], check=True)
    assert sorted(tmp_path.iterdir()) == [path]
    return path, command


@pytest.mark.parametrize("user", ["root", "me"])
def test_put_back(tmp_path, user):
    me = str(os.getuid()), str(os.getgid())
    path, command = put_back(tmp_path, OldFile(b"\x00mine\n", "0640", *me), user)
    assert path.read_bytes() == b"\x00mine\n"
    assert path.stat().st_mode & 0o7777 == 0o640
    # Root's rights are for root's files.
    assert ("-o " in command) == (user == "root")


@pytest.mark.parametrize(
    ("recorded", "live", "wanted"),
    [
        ({"vm.swappiness": "60"}, {"vm.swappiness": "180"}, {"vm.swappiness": "60"}),
        ({"vm.swappiness": "60"}, {"vm.swappiness": "60"}, {}),
        ({"vm.swappiness": "60"}, {}, {}),  # the kernel has it no more
        # Percent were in force.
        ({"vm.dirty_ratio": "20", "vm.dirty_bytes": "0"},
         {"vm.dirty_ratio": "10", "vm.dirty_bytes": "0"}, {"vm.dirty_ratio": "20"}),
        # Bytes were: setting percent would end them.
        ({"vm.dirty_ratio": "0", "vm.dirty_bytes": "5000000"},
         {"vm.dirty_ratio": "10", "vm.dirty_bytes": "0"}, {"vm.dirty_bytes": "5000000"}),
        ({"vm.dirty_ratio": "0", "vm.dirty_bytes": "5000000"},
         {"vm.dirty_ratio": "0", "vm.dirty_bytes": "5000000"}, {}),
        # Somebody set bytes since: 0 would be refused, percent end them.
        ({"vm.dirty_ratio": "20", "vm.dirty_bytes": "0"},
         {"vm.dirty_ratio": "0", "vm.dirty_bytes": "5000000"}, {"vm.dirty_ratio": "20"}),
    ],
)
def test_which_sysctls_are_set(recorded, live, wanted):
    assert teardown.to_set(recorded, live) == wanted


def test_sysctls():
    assert run(teardown.sysctls, values={"vm.swappiness": "60", "vm.x_y": "1 2"}) == [
        "printf '%s\\n' 60 > /proc/sys/vm/swappiness",
        "printf '%s\\n' '1 2' > /proc/sys/vm/x_y",
    ]


def test_back(tmp_path):
    for name in ("a.aside", "b.aside", "b"):
        (tmp_path / name).write_text(name)
    paths = {f"{tmp_path}/{name}.aside": f"{tmp_path}/{name}" for name in "ab"}
    for command in run(teardown.back, paths=paths):
        subprocess.run(["sh", "-c", command], check=True)
    # Nothing is written over.
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "a": "a.aside", "b": "b", "b.aside": "b.aside",
    }


def memory(used_mib=0, available_mib=1000, active=True):
    zram = Zram(4096, "zstd", active, used_mib, 100)
    return MemoryFacts({}, {}, {}, zram, available_mib, None)


def zram(facts, former=None, device_before=True, executing=True):
    with on_a_host(executing=executing):
        return commands(
            teardown.zram, read=lambda: facts, conf="/etc/x.conf", former=former,
            device_before=device_before,
        )


def test_zram_is_emptied_and_ours_removed():
    found = zram(memory(used_mib=100))
    assert found[0].startswith("systemctl stop dev-zram0.swap")
    assert "swapoff /dev/zram0" in found[1] and "/sys/block/zram0/reset" in found[1]
    assert found[2] == "rm -f /etc/x.conf && systemctl daemon-reload"
    assert len(found) == 4


@pytest.mark.parametrize("facts", [None, memory(used_mib=800)])
def test_zram_that_does_not_fit_is_left_as_it_is(facts):
    with pytest.raises(OperationError, match="zram0"):
        zram(facts)
    # While the run is prepared nobody is asked.
    assert len(zram(facts, executing=False)) == 4


def test_zram_that_was_there_is_set_up_again():
    assert zram(memory(), OldZram(True, True, 2048, "lz4", 5))[4:] == [
        "systemctl start dev-zram0.swap"
    ]
    (by_hand,) = zram(memory(), OldZram(False, True, 2048, "lz4", 5))[4:]
    for part in ("echo lz4 > ", "echo 2048M > ", "swapon -p 5 /dev/zram0"):
        assert part in by_hand
    assert zram(memory(), OldZram(True, False, 0, "", 0))[4:] == []
    assert "modprobe -r zram" in zram(memory(), device_before=False)[4]


def test_lacking():
    assert teardown.lacking(memory(used_mib=500, available_mib=500), 600) == ""
    said = teardown.lacking(memory(used_mib=500, available_mib=500), 100)
    assert said.startswith("400 MiB of other programs are swapped out to zram0, 500 MiB are")
    assert "656 MiB are needed" in said


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
            ["sh", "-c", script.replace(DIRECTORY, str(self.here))], text=True, check=False,
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


def test_packages_go_with_what_came_with_them_and_nothing_else(machine):
    machine.write("packages.installed", "podman purge", "crun purge", "old remove", "podman purge")
    machine.write("state", "installed podman", "installed crun", "installed old", "installed mine")
    machine.write("free", "podman", "crun", "old", "old-kernel")
    done = machine.run(teardown.packages_script())
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
    done = machine.run(teardown.packages_script())
    assert "packages that stay, since others need them: crun\n" in done.stdout
    assert machine.read("state") == ["installed crun", "installed buildah"]


@pytest.mark.parametrize("more", ["Remv mine [1]", "Inst other (2)"])
def test_where_apt_would_do_more_it_does_nothing(machine, more):
    machine.write("packages.installed", "podman purge")
    machine.write("state", "installed podman")
    machine.write("free", "podman")
    machine.write("more", more)
    done = machine.run(teardown.packages_script())
    assert done.returncode == 1
    assert f"{more.split()[1]}. No package was removed." in done.stderr
    assert machine.read("state") == ["installed podman"]
    assert machine.read("packages.installed") == ["podman purge"]


def test_a_removal_that_was_cut_off_is_finished(machine):
    machine.write("packages.installed", "podman purge", "crun purge", "gone purge")
    machine.write("state", "config-files podman", "config-files crun", "config-files mine")
    machine.write("free")
    assert machine.run(teardown.packages_script()).returncode == 0
    assert machine.read("state") == ["config-files mine"]


def test_packages(monkeypatch):
    (found,) = run(teardown.packages)
    assert str(found) == one_at_a_time(teardown.packages_script())
    waited = []
    monkeypatch.setattr(teardown.apt, "wait_for_lock", waited.append)
    with on_a_host():
        commands(teardown.packages, lock_timeout_s=7)
    assert waited == [7]
