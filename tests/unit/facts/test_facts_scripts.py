"""The facts' scripts, really run by three shells on the machine that runs the tests."""

from __future__ import annotations

import dataclasses
import fcntl
import hashlib
import http.server
import os
import pwd
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from fact_fixtures import FIXTURES, SHELLS, output, plain

from xnai.facts.cgroups import SCRIPT, Cgroup, parse_cgroups
from xnai.facts.containers import BUNDLE, CA_DIRECTORY, Containers
from xnai.facts.hardware import Hardware
from xnai.facts.memory import Memory
from xnai.facts.podman import Store
from xnai.facts.podman_call import ANSWER_WITHIN_S, ASK_PODMAN, XNAI_PODMAN
from xnai.facts.record import BeforeState
from xnai.facts.running import Running
from xnai.facts.teardown import Teardown
from xnai.operations.apt import LOCK_FILES, AptLockHolder
from xnai.record.baseline import DIRECTORY
from xnai.templating.render import render

EACH_SHELL = pytest.mark.parametrize("shell", SHELLS)
ME = pwd.getpwuid(os.getuid())


def run(shell: str, text: str, **environment: str) -> list[str]:
    """The lines that `text` prints; it must end well and say nothing else."""
    done = subprocess.run(
        [shell, "-c", text], capture_output=True, text=True, check=True, timeout=20,
        env=dict(os.environ) | environment,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


@EACH_SHELL
def test_hardware(shell):
    found = Hardware().process(run(shell, Hardware().command()))
    assert found is not None
    memory = Path("/proc/meminfo").read_text("ascii").split()
    assert found.ram_kib == int(memory[memory.index("MemTotal:") + 1])
    assert (found.cpus, found.uid) == (os.cpu_count(), os.getuid())
    assert found.architecture == os.uname().machine


@EACH_SHELL
def test_memory(shell, tmp_path):
    mine = tmp_path / "90-xnai.conf"
    mine.write_text("x\n")
    mine.chmod(0o644)
    text = Memory().command(
        packages=["dash", "no-such-package"], paths=[str(mine), "/no/such"],
        keys=["vm.swappiness", "vm.no_such"],
    )
    found = Memory().process(run(shell, text))
    assert found is not None
    assert list(found.files) == [str(mine)]
    assert found.files[str(mine)].sha256 == hashlib.sha256(b"x\n").hexdigest()
    live = Path("/proc/sys/vm/swappiness")
    wanted = {"vm.swappiness": live.read_text("ascii").strip()} if live.exists() else {}
    assert found.sysctls == wanted
    assert found.available_mib > 0
    if shutil.which("dpkg-query"):
        assert set(found.packages) == {"dash"}


def containers_text(user: str, tmp_path: Path) -> str:
    return Containers().command(
        packages=["dash"], paths=["/no/such", "/run/user/{uid}/no-such"],
        home_paths=["no/such"], directories=[str(tmp_path), "/no/such"], certificates=[],
        stack_user=user,
        compose=str(tmp_path / "compose"),
    )


@EACH_SHELL
def test_containers_of_nobody(shell, tmp_path):
    found = Containers().process(run(shell, containers_text("no-such-user", tmp_path)))
    assert found is not None
    assert (found.user, found.manager, found.sessions) == (None, None, 0)
    assert not found.compose_python
    assert found.free_uid >= 2000
    assert list(found.directories) == [str(tmp_path)]
    assert found.files == {}


@EACH_SHELL
def test_containers_of_a_user(shell, tmp_path):
    found = Containers().process(run(shell, containers_text(ME.pw_name, tmp_path)))
    assert found is not None and found.user is not None
    assert (found.user.name, found.user.uid, found.user.home) == (ME.pw_name, ME.pw_uid, ME.pw_dir)


@EACH_SHELL
def test_the_users_own_files_are_found_by_uid_and_home(shell, tmp_path):
    (tmp_path / "home/.config").mkdir(parents=True)
    (tmp_path / "home/.config/x.conf").write_text("x")
    (tmp_path / f"u{ME.pw_uid}").write_text("y")
    text = Containers().command(
        packages=["dash"], paths=[f"{tmp_path}/u{{uid}}"], home_paths=[".config/x.conf"],
        directories=["/"], certificates=[], stack_user=ME.pw_name, compose="/no/such",
    )
    # The passwd entry's home is not ours to write into.
    text = text.replace("\nEND\n", f"\nEND\nh={tmp_path}/home\n", 1)
    found = Containers().process(run(shell, text))
    assert found is not None
    assert set(found.files) == {f"{tmp_path}/u{ME.pw_uid}", f"{tmp_path}/home/.config/x.conf"}


@EACH_SHELL
def test_certificates_newer_than_the_bundle(shell, tmp_path):
    for name, when in (("bundle", 1000), ("old one", 900), ("new one", 1100)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (when, when))
    text = Containers().command(
        packages=["dash"], paths=[], home_paths=[], directories=["/"],
        certificates=[f"{tmp_path}/old one", f"{tmp_path}/new one", f"{tmp_path}/absent"],
        stack_user="no-such-user", compose="/no/such",
    )
    found = Containers().process(run(shell, text.replace(BUNDLE, str(tmp_path / "bundle"))))
    assert found is not None
    assert found.untrusted - {f"{tmp_path}/absent"} == {f"{tmp_path}/new one"}
    (tmp_path / "bundle").unlink()
    found = Containers().process(run(shell, text.replace(BUNDLE, str(tmp_path / "bundle"))))
    assert found is not None
    assert found.untrusted >= {f"{tmp_path}/new one", f"{tmp_path}/old one"}


@EACH_SHELL
@pytest.mark.parametrize(
    ("mode", "python", "fits"),
    [
        (0o755, "python3.13", True),
        (0o775, "python3.13", True),
        (0o750, "python3.13", False),  # the stack's user cannot enter it
        (0o754, "python3.13", False),
        (0o755, "python3.14", False),  # the system has another Python by now
    ],
)
def test_whether_podman_compose_fits(shell, tmp_path, mode, python, fits):
    compose = tmp_path / "compose"
    for folder in ("bin", "lib/python3.13"):
        (compose / folder).mkdir(parents=True)
    (compose / "bin/podman-compose").touch(0o755)
    compose.chmod(mode)
    (tmp_path / python).touch()
    (tmp_path / "python3").symlink_to(python)
    text = containers_text("no-such-user", tmp_path)
    found = Containers().process(
        run(shell, text.replace("/usr/bin/python3", f"{tmp_path}/python3"))
    )
    assert found is not None
    assert found.compose_python is fits


SESSION = "# This is private data. Do not parse.\nUID={uid}\nUSER=x\nTYPE=tty\nCLASS={kind}\n"


@EACH_SHELL
@pytest.mark.parametrize(
    ("files", "count"),
    [
        ({}, 0),
        ({"c12": ("manager", 0)}, 0),  # the lingering user's own manager is nobody's login
        ({"c12": ("manager-early", 0), "3": ("user", 0)}, 1),
        ({"2": ("user", 0), "4": ("user-light", 0), "5": ("background", 0)}, 2),
        ({"2": ("user", 1)}, 0),  # somebody else's
    ],
)
def test_login_sessions(shell, tmp_path, files, count):
    for name, (kind, other) in files.items():
        uid = ME.pw_uid + other
        (tmp_path / name).write_text(SESSION.format(uid=uid, kind=kind))
        # systemd keeps a pipe beside each; opened for reading it blocks for ever.
        os.mkfifo(tmp_path / f"{name}.ref")
    text = containers_text(ME.pw_name, tmp_path).replace("/run/systemd/sessions", str(tmp_path))
    found = Containers().process(run(shell, text))
    assert found is not None
    assert found.sessions == count


@EACH_SHELL
def test_subordinate_ids_and_lingering(shell, tmp_path):
    (tmp_path / "subuid").write_text(f"x{ME.pw_name}:1:2\n{ME.pw_name}:100000:65536\n")
    (tmp_path / "subgid").write_text(f"{ME.pw_name}x:100000:65536\n")
    (tmp_path / ME.pw_name).touch()
    text = containers_text(ME.pw_name, tmp_path)
    text = text.replace("/etc/sub", f"{tmp_path}/sub")
    text = text.replace("/var/lib/systemd/linger", str(tmp_path))
    found = Containers().process(run(shell, text))
    assert found is not None and found.user is not None
    assert (found.user.subuid, found.user.subgid, found.user.lingering) == (True, False, True)


@pytest.mark.parametrize("proxy", [False, True])
@EACH_SHELL
def test_whose_podman_the_wrapper_runs(shell, proxy, tmp_path):
    wrapper = tmp_path / "xnai-podman"
    text = containers_text("no-such-user", tmp_path).replace(XNAI_PODMAN, str(wrapper))
    found = Containers().process(run(shell, text))
    assert found is not None and found.wrapper_user == ""
    wrapper.write_text(
        render(
            "containers/xnai-podman.j2", user="stack-user", uid=2000, home="/home/stack-user",
            proxy=proxy, build_slice="low.slice",
        )
    )
    found = Containers().process(run(shell, text))
    assert found is not None and found.wrapper_user == "stack-user"


@EACH_SHELL
def test_certificates_that_bear_our_prefix(shell, tmp_path):
    text = containers_text("no-such-user", tmp_path).replace(CA_DIRECTORY, str(tmp_path / "ca"))
    found = Containers().process(run(shell, text))
    assert found is not None and found.own_certificates == frozenset()
    (tmp_path / "ca").mkdir()
    for name in ("xnai-proxy.crt", "xnai-old.crt", "proxy.crt", "xnai-note.txt"):
        (tmp_path / "ca" / name).touch()
    found = Containers().process(run(shell, text))
    assert found is not None
    assert found.own_certificates == {
        f"{tmp_path}/ca/xnai-proxy.crt", f"{tmp_path}/ca/xnai-old.crt",
    }


@EACH_SHELL
def test_cgroup_controllers(shell, tmp_path):
    text = containers_text("no-such-user", tmp_path)
    found = Containers().process(
        run(shell, text.replace("/sys/fs/cgroup/cgroup.controllers", "/no/such"))
    )
    assert found is not None and found.controllers == frozenset()
    (tmp_path / "controllers").write_text("cpuset cpu io memory hugetlb pids\n")
    found = Containers().process(
        run(shell, text.replace("/sys/fs/cgroup/cgroup.controllers", f"{tmp_path}/controllers"))
    )
    assert found is not None
    assert found.controllers == {"cpuset", "cpu", "io", "memory", "hugetlb", "pids"}


def podman_that_answers(tmp_path: Path, case: str) -> Path:
    """A stand-in for xnai-podman that prints a fixture's parts and fails where it holds none.

    Inspecting fails in the end, as Podman's does where one of the names is missing.
    """
    parts: dict[str, list[str]] = {}
    for line in output("Store", case):
        if line.startswith("@@ "):
            parts[line[3:]] = answer = []
        else:
            answer.append(line)
    for name in ("images", "secrets", "containers"):
        if parts[name]:
            (tmp_path / name).write_text("".join(f"{line}\n" for line in parts[name][:-1]))
    program = tmp_path / "xnai-podman"
    program.write_text(
        '#!/bin/sh\n[ "$2" != run ] || { echo unhealthy; exit 1; }\ne=125\n'
        'case "$1" in images) f=images e=0 ;; secret) f=secrets ;; *) f=containers ;; esac\n'
        f'cat "{tmp_path}/$f" || e=125\nexit $e\n'
    )
    program.chmod(0o755)
    return program


STORE = Store().command(
    stack="xnai", secrets=["a", "b"], containers=["c", "d"], paths=["/no/such"],
    wants="/no/such/link",
)


@EACH_SHELL
@pytest.mark.parametrize(
    "case", ["normal", "failing", "fresh", "podman_fails", "inspecting_fails"]
)
def test_store(shell, tmp_path, case):
    program = podman_that_answers(tmp_path, case)
    (tmp_path / "tmp").mkdir()
    lines = run(shell, STORE.replace(XNAI_PODMAN, str(program)), TMPDIR=str(tmp_path / "tmp"))
    found = Store().process(lines)
    wanted = Store().process(output("Store", case))
    assert (found.images, found.secrets, found.containers) == (
        wanted.images, wanted.secrets, without_cgroups(wanted.containers),
    )
    assert (found.files, found.enabled, found.set_up) == ({}, False, True)
    assert list((tmp_path / "tmp").iterdir()) == []


@EACH_SHELL
def test_store_without_podman(shell, tmp_path):
    lines = run(shell, STORE.replace(XNAI_PODMAN, "/no/such/podman"), TMPDIR=str(tmp_path))
    assert plain(Store().process(lines)) == {
        "images": "unknown", "secrets": "unknown", "containers": "unknown",
        "of_stack": [], "files": {}, "enabled": False, "set_up": False, "secret_labels": {},
    }
    assert list(tmp_path.iterdir()) == []


@EACH_SHELL
@pytest.mark.parametrize("code", [124, 137])
def test_an_empty_list_of_a_podman_that_had_to_be_ended_is_no_empty_store(shell, tmp_path, code):
    program = tmp_path / "xnai-podman"
    program.write_text(f"#!/bin/sh\necho '[]'\n[ $1 = images ] || exit {code}\n")
    program.chmod(0o755)
    (tmp_path / "tmp").mkdir()
    lines = run(shell, STORE.replace(XNAI_PODMAN, str(program)), TMPDIR=str(tmp_path / "tmp"))
    found = plain(Store().process(lines))
    assert (found["secrets"], found["containers"]) == ("unknown", "unknown")


@EACH_SHELL
def test_a_podman_that_hangs_is_not_waited_for_for_ever(shell, tmp_path):
    program = tmp_path / "xnai-podman"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    (tmp_path / "tmp").mkdir()
    impatient = ASK_PODMAN.replace(f"{ANSWER_WITHIN_S}", "0.3").replace(XNAI_PODMAN, str(program))
    lines = run(shell, STORE.replace(ASK_PODMAN, impatient), TMPDIR=str(tmp_path / "tmp"))
    found = plain(Store().process(lines))
    assert [found[part] for part in ("images", "secrets", "containers")] == ["unknown"] * 3
    text = Running().command(["xnai_redis"]).replace(ASK_PODMAN, impatient)
    assert Running().process(run(shell, text)) == {}


@EACH_SHELL
@pytest.mark.parametrize(
    ("healthy", "status", "answers", "asked"),
    [(0, 200, True, 1), (0, 500, False, 1), (1, 200, False, 0)],
)
def test_what_is_asked_for_its_url_is_healthy_first(
    shell, tmp_path, healthy, status, answers, asked
):
    # A server may end when it is asked while its database is away.
    hits = []

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            hits.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_):
            pass

    listed = FIXTURES / "Running/normal/output"
    program = tmp_path / "xnai-podman"
    program.write_text(
        f"#!/bin/sh\n[ $1 != healthcheck ] || exit {healthy}\n"
        f"sed -n '2,/^]/p' {listed}\n"
    )
    program.chmod(0o755)
    with http.server.HTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/health"
        text = Running().command(["xnai_redis"], "xnai_redis", url)
        lines = run(shell, text.replace(XNAI_PODMAN, str(program)), http_proxy="http://127.0.0.1:1")
        server.shutdown()
    found = Running().process(lines)
    assert (found["xnai_redis"].answers, hits) == (answers, ["/health"] * asked)
    assert found["xnai_redis"].is_up == answers
    assert found["xnai_rag_api"].answers is None


def without_cgroups(containers):
    """The containers of a machine that has no such cgroups."""
    return {
        name: dataclasses.replace(container, cgroup=None) for name, container in containers.items()
    } if isinstance(containers, dict) else containers


@EACH_SHELL
def test_cgroups(shell, tmp_path):
    scopes = "user-2000.slice/user@2000.service/user.slice"
    id_ = "ab" * 32
    for part, limits in {f"libpod-{id_}.scope": ("512", "768"), "libpod-0.scope": ("7", "7"),
                         f"libpod-{id_}.scope/container": ("max", "256"),
                         f"libpod-conmon-{id_}.scope": ("max", "max")}.items():
        folder = tmp_path / scopes / part
        folder.mkdir(parents=True)
        for name, value in zip(
            ("memory.max", "memory.swap.max", "memory.low", "memory.current",
             "memory.swap.current"), (*limits, "0", "40", "8"), strict=True,
        ):
            if part != "libpod-0.scope" or name != "memory.low":
                (folder / name).write_text(f"{value}\n")
    lines = run(shell, SCRIPT.replace("/sys/fs/cgroup/user.slice", str(tmp_path)))
    assert parse_cgroups(lines) == {id_: Cgroup(512, 0, 256, 40, 8)}
    assert run(shell, SCRIPT.replace("/sys/fs/cgroup/user.slice", "/no/such")) == []


@EACH_SHELL
def test_running(shell, tmp_path):
    program = podman_that_answers(tmp_path, "normal")
    for check in ("", "xnai_redis"):
        text = Running().command(["xnai_redis"], check).replace(XNAI_PODMAN, str(program))
        found = Running().process(run(shell, text))
        assert set(found) == {"xnai_redis", "xnai_rag_api"}
        assert found == without_cgroups(Running().process(output("Running", "normal")))
    text = Running().command(["xnai_redis"]).replace(XNAI_PODMAN, "/no/such/podman")
    assert Running().process(run(shell, text)) == {}


@EACH_SHELL
def test_who_holds_apts_lock(shell, tmp_path):
    lock = tmp_path / "lock"
    lock.touch()
    text = AptLockHolder().command()
    for name in LOCK_FILES:
        text = text.replace(f"{name} ", f"{lock} ", 1).replace(f"{name};", f"{lock};", 1)
    assert AptLockHolder().process(run(shell, text)) is None
    with lock.open("w") as held:
        fcntl.lockf(held, fcntl.LOCK_EX)
        inode = f":{lock.stat().st_ino} "
        if inode not in Path("/proc/locks").read_text("ascii"):
            pytest.skip("this kernel does not list our own lock in /proc/locks")
        found = AptLockHolder().process(run(shell, text))
    comm = Path("/proc/self/comm").read_text("ascii").strip()
    assert found == f"PID {os.getpid()} ({comm}), user {ME.pw_name}"
    assert AptLockHolder().process(run(shell, AptLockHolder().command())) is None


@EACH_SHELL
def test_what_a_host_is_before(shell, tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/empty").touch()
    (tmp_path / "etc/mine").write_bytes(b"\x00\n@@ end\n")
    (tmp_path / "before.json").write_text("{}")
    text = BeforeState().command(
        user=ME.pw_name, files=[f"{tmp_path}/etc/{name}" for name in ("mine", "empty", "no")],
        home_files=["no/such/file"], existing=[f"{tmp_path}/etc", "/no/such"],
        home_existing=["no/such", "."],
    )
    found = BeforeState().process(run(shell, text.replace(DIRECTORY, str(tmp_path))))
    assert found is not None
    assert (found.record, found.kept) == (b"{}", None)
    assert (found.user.name, found.user.existed, found.home) == (ME.pw_name, True, ME.pw_dir)
    assert {path: file.content for path, file in found.files.items()} == {
        f"{tmp_path}/etc/mine": b"\x00\n@@ end\n", f"{tmp_path}/etc/empty": b"",
    }
    assert found.existing == {f"{tmp_path}/etc", f"{ME.pw_dir}/."}


@EACH_SHELL
def test_what_a_user_has_in_the_home_is_read_by_that_user(shell, tmp_path):
    (tmp_path / "home/.config").mkdir(parents=True)
    (tmp_path / "home/.config/mine").write_text("mine")
    (tmp_path / "home/.config/link").symlink_to("/no/such")
    program = tmp_path / "runuser"
    text = BeforeState().command(
        user="me", files=[], home_files=[".config/mine", ".config/link"], existing=[],
        home_existing=[],
    )

    def read(script: str) -> dict[str, bytes]:
        program.write_text(f'#!/bin/sh\necho "$1 $2" >> {tmp_path}/calls\nshift 3\n{script}\n')
        program.chmod(0o755)
        getent = tmp_path / "getent"
        getent.write_text(f"#!/bin/sh\necho me:x:1:1::{tmp_path}/home:/bin/sh\n")
        getent.chmod(0o755)
        found = BeforeState().process(
            run(shell, text, PATH=f"{tmp_path}:{os.environ['PATH']}")
        )
        assert found is not None
        return {path: file.content for path, file in found.files.items()}

    assert read('exec "$@"') == {f"{tmp_path}/home/.config/mine": b"mine"}
    assert (tmp_path / "calls").read_text() == "-u me\n"
    # What that user's processes could make of it.
    said = (
        "644 root root /etc/sudoers QQ==", "@@ existing", "/etc", "@@ end",
        f"644 root root {tmp_path}/home/../../etc/sudoers QQ==",
    )
    assert read("\n".join(f"echo '{line}'" for line in said)) == {}


@EACH_SHELL
def test_what_there_is_to_be_taken_down(shell, tmp_path):
    for directory in ("xnai/stack", "xnai/backup", "other/stack", "gone/backup"):
        (tmp_path / directory).mkdir(parents=True)
    (tmp_path / "packages.installed").touch()
    (tmp_path / "kept.json").touch()
    (tmp_path / "ours").write_text("#!/bin/sh\n# Managed by xnai: a program\n")
    (tmp_path / "theirs").write_text("#!/bin/sh\n\n# Managed by xnai\n")
    text = Teardown().command(
        stack="xnai", user="no-such-user", files=[f"{tmp_path}/*s", f"{tmp_path}/no/*"],
        home_files=["no/such"], wants=f"{tmp_path}/no",
    )
    text = text.replace(DIRECTORY, str(tmp_path)).replace(XNAI_PODMAN, f"{tmp_path}/no/podman")
    found = Teardown().process(run(shell, text))
    assert found is not None
    assert (found.record, found.kept, found.account, found.store) == (None, b"", None, None)
    assert found.files == {f"{tmp_path}/ours": True, f"{tmp_path}/theirs": False}
    assert found.others == ("other", "xnai")
    assert found.in_directory == ("backup", "stack")
    assert found.packages and not found.enabled
    # A Podman that fails is not one that has nothing.
    program = tmp_path / "xnai-podman"
    program.write_text("#!/bin/sh\nexit 125\n")
    program.chmod(0o755)
    text = text.replace(f"{tmp_path}/no/podman", str(program))
    found = Teardown().process(run(shell, text))
    assert found is not None and plain(found.store) == "unknown"
