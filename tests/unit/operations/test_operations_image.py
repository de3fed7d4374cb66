"""Sending a context, building, removing; what unpacks, judges and prunes is really run."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile

import pytest
from operation_runs import commands, on_a_host
from pyinfra.api.command import FileUploadCommand

from xnai.catalogue import Copy, Image
from xnai.image_content import BuildInput, ContextFile
from xnai.image_plan import Build
from xnai.operations import image
from xnai.operations.guard import LOCK, one_at_a_time
from xnai.pyinfra_ext import LiveCommand

DIGEST = "d290e9b2" * 8
PODMAN = image.XNAI_PODMAN


def build(tmp_path, *, parent="localhost/xnai_base:1", replaces="", wheels=None, target=""):
    lock = Copy(tmp_path, "requirements.txt", "requirements.txt")
    wanted = BuildInput(
        "rag_api", Image("rag_api", "RAG API", "Dockerfile", (), lock), target, parent,
        {"base": "1"}, "localhost/xnai_rag_api:d290e9b2", DIGEST, "FROM scratch\n",
        {"context/run.sh": ContextFile(b"#!/bin/sh\n", executable=True)},
    )
    with on_a_host(executing=False):
        return commands(
            image.build, planned=Build(wanted, "absent", replaces), stack_name="xnai",
            directory=str(tmp_path), version="1.2", revision="abc", wheelhouse_dir=wheels,
        )


def fake_podman(tmp_path, script):
    program = tmp_path / "podman"
    program.write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/calls"\n{script}\n')
    program.chmod(0o755)
    return program


def run_built(tmp_path, command, script, shell="sh"):
    """Run a build's command with a program in Podman's place."""
    program = fake_podman(tmp_path, script)
    text = str(command).replace(PODMAN, str(program)).replace(LOCK, str(tmp_path / "lock"))
    done = subprocess.run([shell, "-c", text], capture_output=True, text=True, check=False)
    return done, (tmp_path / "calls").read_text().splitlines()


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_build(tmp_path, shell):
    upload, _, command = build(tmp_path, wheels="/srv/wheels", target="packages")
    assert isinstance(upload, FileUploadCommand) and upload.dest == f"{tmp_path}/rag_api.tar"
    assert isinstance(command, LiveCommand)
    done, (inspect, built) = run_built(
        tmp_path, command, 'case $1 in image) echo p4r3nt ;; *) echo "STEP 1/2: FROM x"; '
        'echo "STEP 2/2: LABEL y"; echo noise; echo "COMMIT z" ;; esac', shell,
    )
    assert done.returncode == 0
    # The steps that take their time, and nothing else; the whole stays on the host.
    assert done.stdout.splitlines() == ["STEP 1/2: FROM x", "COMMIT z"]
    assert "noise" in (tmp_path / "rag_api.log").read_text()
    assert inspect == "image inspect --format {{.Id}} localhost/xnai_base:1"
    assert built == (
        "build --pull=never --layers=false --target packages "
        "--volume /srv/wheels:/mnt/wheels:ro --build-arg IMAGE_VERSION=1.2 "
        f"--build-arg IMAGE_REVISION=abc --build-arg IMAGE_CONTENT={DIGEST} "
        "--label io.xnai.stack=xnai --label io.xnai.inputs=base=6b86b273ff34 "
        "--tag localhost/xnai_rag_api:d290e9b2 --label io.xnai.parent=p4r3nt "
        f"--file {tmp_path}/rag_api/Dockerfile {tmp_path}/rag_api"
    )


def test_an_image_of_the_same_name_keeps_one(tmp_path):
    command = build(tmp_path, replaces="0123456789abcdef")[-1]
    _, calls = run_built(tmp_path, command, ":")
    assert calls[0] == (
        "tag 0123456789abcdef localhost/xnai_rag_api:d290e9b2-01234567"
    )


@pytest.mark.parametrize("shell", ["dash", "bash"])
@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("Error: writing blob: no space left on device", "the disk is full"),
        ("error: Failed to fetch: dns error", "names cannot be resolved"),
        ("because nosuch was not found in the package registry", "is not where packages come from"),
        ("Hash mismatch for x==1", "not the one that the lock names"),
        ("invalid peer certificate: UnknownIssuer", "extra_ca_certificates"),
        ("something that nobody knows", None),
    ],
)
def test_a_failed_build_ends_with_its_last_lines_and_the_cause(tmp_path, shell, said, cause):
    command = build(tmp_path)[-1]
    script = f"[ $1 = image ] || {{ seq 100; echo '{said}'; exit 125; }}"
    done, _ = run_built(tmp_path, command, script, shell)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[0] == f"rag_api was not built. The end of {tmp_path}/rag_api.log:"
    assert lines[1:21] == [*map(str, range(82, 101)), said]
    assert len(lines) == (21 if cause is None else 22)
    if cause:
        assert lines[21].startswith("Cause: ") and cause in lines[21]


def test_without_its_parent_nothing_is_built(tmp_path):
    command = build(tmp_path)[-1]
    done, calls = run_built(tmp_path, command, "echo 'Error: x: image not known' >&2; exit 125")
    assert done.returncode == 1
    assert len(calls) == 1
    assert "image not known" in done.stderr


def test_unpacking_replaces_what_an_aborted_run_left(tmp_path):
    upload, unpack, _ = build(tmp_path)
    with tarfile.open(fileobj=io.BytesIO(upload.src.read())) as tar:
        assert sorted(tar.getnames()) == ["Dockerfile", "context/run.sh"]
    upload.src.seek(0)
    (tmp_path / "rag_api.tar").write_bytes(upload.src.read())
    (tmp_path / "rag_api").mkdir()
    (tmp_path / "rag_api/left over").touch()
    subprocess.run(["sh", "-c", f"umask 077; {unpack}"], check=True)
    found = {
        str(path.relative_to(tmp_path)): oct(path.stat().st_mode & 0o777)
        for path in tmp_path.rglob("*") if path.is_file()
    }
    assert found == {"rag_api/Dockerfile": "0o644", "rag_api/context/run.sh": "0o755"}
    # The stack's user, who builds, is in the directory's group and not its owner.
    made = [tmp_path / "rag_api", tmp_path / "rag_api/context"]
    assert [oct(path.stat().st_mode & 0o777) for path in made] == ["0o755", "0o755"]
    assert {path.stat().st_uid for path in tmp_path.rglob("*")} == {os.getuid()}


def test_pull():
    with on_a_host(executing=False):
        found = commands(image.pull, references=["docker.io/library/redis:8.0", "a.example/x:1;id"])
    assert found == [
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
        (command,) = commands(image.remove, ids=["a1", "b2"])
    done, calls = run_built(tmp_path, command, f"exit {code}")
    assert (done.returncode, calls) == (ends, ["rmi a1 b2"])


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
    text = text.replace(PODMAN, str(program)).replace(LOCK, str(tmp_path / "lock"))
    subprocess.run(["sh", "-c", text], check=True)
    assert (ours.exists(), other.exists()) == (not gone, True)


def test_where_buildah_keeps_a_cache():
    # Seen on a Debian 13 with Buildah 1.39: id "uv".
    assert image.cache_directory("uv") == "e6184ce10e266134"
