"""Sending a context and building it; what unpacks it is really run."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile

import pytest
from operation_runs import commands, on_a_host
from pyinfra.api.command import FileUploadCommand

from xnai.catalogue import Image
from xnai.image_content import BuildInput
from xnai.operations import image
from xnai.operations.guard import LOCK, one_at_a_time

DIGEST = "d290e9b2" * 8


def build_input(base: str | None) -> BuildInput:
    return BuildInput(
        Image("rag_api", "Dockerfile", base=base), "localhost/xnai_rag_api:d290e9b2", DIGEST, b"tar"
    )


@pytest.mark.parametrize(("base", "pull"), [("base", "never"), (None, "missing")])
def test_build(base, pull):
    with on_a_host(executing=False):
        upload, unpack, build = commands(
            image.build, build_input=build_input(base), stack_name="xnai",
            directory="/var/lib/xnai/xnai/build",
        )
    assert isinstance(upload, FileUploadCommand)
    assert (upload.src.read(), upload.dest) == (b"tar", "/var/lib/xnai/xnai/build/rag_api.tar")
    assert unpack == (
        "umask 022; rm -rf /var/lib/xnai/xnai/build/rag_api && "
        "mkdir -p /var/lib/xnai/xnai/build/rag_api/context && "
        "tar -x -f /var/lib/xnai/xnai/build/rag_api.tar -C /var/lib/xnai/xnai/build/rag_api "
        "--no-same-owner && rm /var/lib/xnai/xnai/build/rag_api.tar && "
        "chmod -R u=rwX,go=rX /var/lib/xnai/xnai/build/rag_api"
    )
    assert build == one_at_a_time(
        f"/usr/local/bin/xnai-podman build --pull={pull} --layers=false "
        "--tag localhost/xnai_rag_api:d290e9b2 --label io.xnai.stack=xnai "
        f"--label io.xnai.content={DIGEST} "
        "--file /var/lib/xnai/xnai/build/rag_api/Dockerfile /var/lib/xnai/xnai/build/rag_api"
    )


def test_unpacking_replaces_what_an_aborted_run_left(tmp_path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, mode in (("Dockerfile", 0o600), ("context/run.sh", 0o755)):
            info = tarfile.TarInfo(name)
            info.mode, info.uid, info.gid = mode, 12345, 12345
            tar.addfile(info)
    (tmp_path / "rag_api.tar").write_bytes(buffer.getvalue())
    (tmp_path / "rag_api").mkdir()
    (tmp_path / "rag_api/left over").touch()
    with on_a_host(executing=False):
        _, unpack, _ = commands(
            image.build, build_input=build_input(None), stack_name="xnai",
            directory=str(tmp_path),
        )
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
    podman = tmp_path / "podman"
    podman.write_text('#!/bin/sh\necho "$3" >> "$0.calls"; case $3 in *bad*) exit 125 ;; esac\n')
    podman.chmod(0o755)
    with on_a_host(executing=False):
        (command,) = commands(image.pull, references=["x/bad:1", "x/good:1"])
    text = command.replace(image.XNAI_PODMAN, str(podman)).replace(LOCK, str(tmp_path / "lock"))
    done = subprocess.run([shell, "-c", text], check=False)
    assert done.returncode == 125
    calls = (tmp_path / "podman.calls").read_text().split()
    assert sorted(calls) == ["x/bad:1", "x/good:1"]
