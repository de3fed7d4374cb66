"""Sending a context, building, removing; what unpacks, judges and prunes is really run."""

from __future__ import annotations

import os
import re
import subprocess

import pytest
from operation_runs import commands, on_a_host, really_run

from xnai.images.content import BuildInput, ContextFile
from xnai.images.failures import causes
from xnai.images.model import CopiedPath, Image
from xnai.images.plan import Build
from xnai.operations import image
from xnai.operations.guard import one_at_a_time
from xnai.remote.lease_code import DIRECTORY
from xnai.remote.limit import BUILD_LIMIT_S, FETCH_LIMIT_S
from xnai.run.pyinfra import LiveCommand

DIGEST = "d290e9b2" * 8
PODMAN = image.XNAI_PODMAN


def planned(tmp_path, *, name="rag_api", parent="localhost/xnai_base:1", replaces="", target=""):
    lock = CopiedPath(tmp_path, "requirements.txt", "requirements.txt")
    return Build(
        BuildInput(
            name, Image(name, "RAG API", "Dockerfile", (), lock), target, parent, "",
            {"base": "1"}, f"localhost/xnai_{name}:d290e9b2", DIGEST, "FROM scratch\n",
            {"context/run.sh": ContextFile(b"#!/bin/sh\n", executable=True)},
        ),
        "absent", replaces,
    )


def build(tmp_path, *builds, wheels=None):
    """The operation's command, with the upload where it belongs."""
    with on_a_host(executing=False):
        upload, command = commands(
            image.build, planned=builds, stack_name="xnai", directory=str(tmp_path),
            version="1.2", revisions={one.wanted.name: "abc" for one in builds},
            wheelhouse_dir=wheels,
        )
    assert re.search(rf" {tmp_path}/contexts-[0-9a-f]{{16}}\.tar$", str(upload))
    really_run(upload)
    assert isinstance(command, LiveCommand) and command.limit_s == BUILD_LIMIT_S
    return command


def fake_podman(tmp_path, script):
    program = tmp_path / "podman"
    program.write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/calls"\n{script}\n')
    program.chmod(0o755)
    return program


def run_built(tmp_path, command, script, shell="sh"):
    """Run a command with a program in Podman's place."""
    program = fake_podman(tmp_path, script)
    text = str(command).replace(PODMAN, str(program)).replace(DIRECTORY, str(tmp_path))
    # The scripts, which the command itself unpacks, name Podman too.
    instead = f'{shell} -c "sed s,{PODMAN},{program},g \\$0 > \\$0.fake; exec {shell} \\$0.fake"'
    text = text.replace("-P $n sh;", f"-P $n {instead};")
    done = subprocess.run(
        [shell, "-c", f"umask 077; {text}"], capture_output=True, text=True, check=False
    )
    return done, (tmp_path / "calls").read_text().splitlines()


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_build(tmp_path, shell):
    command = build(tmp_path, planned(tmp_path, target="packages"), wheels="/srv/wheels")
    done, (now, inspect, built) = run_built(
        tmp_path, command, 'case "$*" in image*base:1) echo p4r3nt ;; image*) exit 125 ;; '
        '*) echo "STEP 1/2: FROM x"; echo "STEP 2/2: LABEL y"; echo noise; echo "COMMIT z" ;; esac',
        shell,
    )
    assert now == "image inspect --format {{.Id}} localhost/xnai_rag_api:d290e9b2"
    assert (done.returncode, done.stderr) == (0, "")
    # The steps that take their time, and nothing else; the whole stays on the host.
    assert done.stdout.splitlines() == ["rag_api: STEP 1/2: FROM x", "rag_api: COMMIT z"]
    assert "noise" in (tmp_path / "rag_api.log").read_text()
    assert inspect == "image inspect --format {{.Id}} localhost/xnai_base:1"
    assert built == (
        "build --pull=never --layers=false --target packages "
        "--volume /srv/wheels:/mnt/wheels:ro --cgroup-parent xnaibuild-rag_api.slice "
        "--build-arg IMAGE_VERSION=1.2 "
        f"--build-arg IMAGE_REVISION=abc --build-arg IMAGE_CONTENT={DIGEST} "
        "--label io.xnai.stack=xnai --label io.xnai.inputs=base=6b86b273ff34 "
        f"--tag localhost/xnai_rag_api:d290e9b2 --file {tmp_path}/rag_api/Dockerfile "
        f"--label io.xnai.parent=p4r3nt {tmp_path}/rag_api"
    )


def test_several_are_built_and_one_failure_leaves_the_others(tmp_path):
    command = build(tmp_path, *(planned(tmp_path, name=name) for name in ("one", "bad", "two")))
    script = (
        'case "$*" in image*base:1) echo p ;; image*) exit 125 ;; '
        '*bad/Dockerfile*) echo broken; exit 125 ;; *) echo "COMMIT $#" ;; esac'
    )
    done, calls = run_built(tmp_path, command, script)
    assert done.returncode != 0
    assert len(calls) == 9
    assert {line.split(":")[0] for line in done.stdout.splitlines()} == {"one", "two"}
    assert done.stderr.splitlines() == [
        f"bad: was not built. The end of {tmp_path}/bad.log:", "bad: broken",
    ]


def test_an_image_of_the_same_name_keeps_one(tmp_path):
    command = build(tmp_path, planned(tmp_path, replaces="0123456789abcdef"))
    _, calls = run_built(tmp_path, command, "[ $1 != image ] || echo 0123456789abcdef")
    assert calls[1] == (
        "tag 0123456789abcdef localhost/xnai_rag_api:d290e9b2-01234567"
    )


@pytest.mark.parametrize("replaces", ["", "0123456789abcdef"])
def test_what_another_run_has_built_meanwhile_is_not_built_again(tmp_path, replaces):
    command = build(tmp_path, planned(tmp_path, replaces=replaces))
    done, calls = run_built(tmp_path, command, "[ $1 != image ] || echo fedcba9876543210")
    assert (done.returncode, len(calls)) == (0, 1)
    assert "rag_api: was built meanwhile" in done.stdout


def test_a_build_that_was_killed_is_no_success_though_one_before_it_was(tmp_path):
    command = build(tmp_path, planned(tmp_path))
    good = "[ $1 = image ] || echo done"
    assert run_built(tmp_path, command, good)[0].returncode == 0
    assert (tmp_path / "rag_api.log.rc").read_text() == "0\n"
    # The subshell that would write the exit code goes with what it runs.
    killed = "[ $1 = image ] && exit; kill -KILL $PPID"
    done, _ = run_built(tmp_path, build(tmp_path, planned(tmp_path)), killed)
    assert done.returncode != 0
    assert "rag_api: was not built" in done.stderr


@pytest.mark.parametrize("shell", ["dash", "bash"])
@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("Error: writing blob: no space left on device", "the disk is full"),
        ("error: Failed to fetch: dns error", "names cannot be resolved"),
        ("because nosuch was not found in the package registry", "is not where packages come from"),
        ("Hash mismatch for x==1", "not the one that the lock names"),
        ("invalid peer certificate: UnknownIssuer", "extra_ca_certificates"),
        ("E: Could not get lock /var/cache/apt/archives/lock", "holds the lock"),
        ("Error: initializing source: requested access to the resource is denied", "registry"),
        ('COPY context/app/ ./: "x": no such file or directory', "not in the build context"),
        ("Error: building at STEP: signal: killed", "memory ran out"),
        ("Aborted with 50 warnings in strict mode!", "MkDocs has warnings"),
        ("something that nobody knows", None),
    ],
)
def test_a_failed_build_ends_with_its_last_lines_and_the_cause(tmp_path, shell, said, cause):
    command = build(tmp_path, planned(tmp_path))
    script = f"[ $1 = image ] || {{ seq 100; echo '{said}'; exit 125; }}"
    done, _ = run_built(tmp_path, command, script, shell)
    assert done.returncode != 0
    lines = done.stderr.splitlines()
    assert lines[0] == f"rag_api: was not built. The end of {tmp_path}/rag_api.log:"
    assert lines[1:21] == [f"rag_api: {text}" for text in (*range(82, 101), said)]
    assert len(lines) == (21 if cause is None else 22)
    if cause:
        assert lines[21].startswith("rag_api: Cause: ") and cause in lines[21]


def test_every_cause_is_recognised_by_a_test():
    (mark,) = [
        mark for mark in test_a_failed_build_ends_with_its_last_lines_and_the_cause.pytestmark
        if mark.args[0] == ("said", "cause")
    ]
    said = [text for text, cause in mark.args[1] if cause]
    for cause in causes():
        assert [text for text in said if re.search(cause.pattern, text)], cause.meaning
    # And no text is explained twice.
    assert all(sum(bool(re.search(c.pattern, text)) for c in causes()) == 1 for text in said)


def test_without_its_parent_nothing_is_built(tmp_path):
    command = build(tmp_path, planned(tmp_path))
    done, calls = run_built(tmp_path, command, "echo 'Error: x: image not known' >&2; exit 125")
    assert done.returncode != 0
    assert len(calls) == 2
    assert "image not known" in done.stderr


def test_unpacking_replaces_what_an_aborted_run_left(tmp_path):
    (tmp_path / "rag_api").mkdir()
    (tmp_path / "rag_api/left over").touch()
    command = build(tmp_path, planned(tmp_path))
    run_built(tmp_path, command, "exit 1")
    found = {
        str(path.relative_to(tmp_path)): oct(path.stat().st_mode & 0o777)
        for pattern in ("rag_api/**/*", "*.tar", "*.sh") for path in tmp_path.glob(pattern)
        if path.is_file()
    }
    assert found == {
        "rag_api/Dockerfile": "0o644", "rag_api/context/run.sh": "0o755", "rag_api.sh": "0o644",
    }
    # The stack's user, who builds, is in the directory's group and not its owner.
    made = [tmp_path / "rag_api", tmp_path / "rag_api/context"]
    assert [oct(path.stat().st_mode & 0o777) for path in made] == ["0o755", "0o755"]
    assert {path.stat().st_uid for path in tmp_path.rglob("*")} == {os.getuid()}


def test_pull():
    with on_a_host(executing=False):
        found = commands(image.pull, references=["docker.io/library/redis:8.0", "a.example/x:1;id"])
    assert [command.limit_s for command in found] == [FETCH_LIMIT_S]
    assert [str(command) for command in found] == [
        one_at_a_time(
            "p=; for r in docker.io/library/redis:8.0 'a.example/x:1;id'; do "
            "/usr/local/bin/xnai-podman pull --quiet \"$r\" & p=\"$p $!\"; done; "
            "e=0; for i in $p; do wait $i || e=$?; done; exit $e"
        )
    ]


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_pull_fetches_all_and_fails_with_the_one_that_fails(tmp_path, shell):
    with on_a_host(executing=False):
        (command,) = commands(image.pull, references=["x/bad:1", "x/good:1"])
    done, calls = run_built(tmp_path, command, "case $3 in *bad*) exit 125 ;; esac", shell)
    assert done.returncode == 125
    assert sorted(calls) == ["pull --quiet x/bad:1", "pull --quiet x/good:1"]


@pytest.mark.parametrize(("code", "ends"), [(0, 0), (2, 0), (125, 1)])
def test_remove_leaves_what_is_in_use(tmp_path, code, ends):
    with on_a_host(executing=False):
        (command,) = commands(image.remove, names=["localhost/a:1", "localhost/b:2"])
    done, calls = run_built(tmp_path, command, f"exit {code}")
    assert (done.returncode, calls) == (ends, ["rmi --ignore localhost/a:1 localhost/b:2"])


@pytest.mark.parametrize(("most_mib", "gone"), [(64, False), (1, True)])
def test_caches_of_other_stacks_are_not_touched(tmp_path, most_mib, gone):
    with on_a_host(executing=False):
        (command,) = commands(
            image.limit_cache, stack_name="xnai", stack_user="root", most_mib=most_mib
        )
    cache = tmp_path / "buildah-cache-0"
    ours = cache / image.cache_directories("xnai")["xnai-uv"]
    other = cache / image.cache_directories("other")["other-uv"]
    for folder in (ours, other):
        folder.mkdir(parents=True)
        (folder / "wheel").write_bytes(b"x" * 3 * 2**20)
    text = str(command).replace("/var/tmp", str(tmp_path))
    program = fake_podman(tmp_path, 'shift; exec "$@"')
    text = text.replace(PODMAN, str(program)).replace(DIRECTORY, str(tmp_path))
    subprocess.run(["sh", "-c", text], check=True)
    assert (ours.exists(), other.exists()) == (not gone, True)


def test_where_buildah_keeps_a_cache():
    # Seen on a Debian 13 with Buildah 1.39: id "uv".
    assert image.cache_directory("uv") == "e6184ce10e266134"
