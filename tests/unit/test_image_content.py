"""What goes into an image, and the hash that says whether it changed."""

from __future__ import annotations

import io
import re
import subprocess
import tarfile

import pytest
from unit_settings import make

from xnai import image_content
from xnai.catalogue import Image
from xnai.image_content import BuildInput, build_inputs, context_files


@pytest.fixture
def context(tmp_path, monkeypatch):
    """A small build context, of which the catalogue now makes its second image."""
    folder = tmp_path / "context"
    (folder / "app").mkdir(parents=True)
    (folder / "requirements.txt").write_text("x==1\n")
    (folder / "app/main.py").write_text("print(1)\n")
    monkeypatch.setattr(
        image_content, "images",
        lambda settings: (
            Image("base", "Dockerfile.base"), Image("app", "Dockerfile", folder, base="base")
        ),
    )
    return folder


def built(**changes: object) -> dict[str, BuildInput]:
    return {item.image.name: item for item in build_inputs(make(**changes))}


def members(item: BuildInput) -> dict[str, int]:
    with tarfile.open(fileobj=io.BytesIO(item.archive)) as tar:
        return {member.name: member.mode for member in tar}


def test_the_same_bytes_twice(context):
    first = built()
    (context / "app/main.py").touch()
    assert built() == first
    assert members(first["app"]) == {
        "Dockerfile": 0o644, "context/app/main.py": 0o644, "context/requirements.txt": 0o644,
    }
    with tarfile.open(fileobj=io.BytesIO(first["app"].archive)) as tar:
        assert {(m.mtime, m.uid, m.gid, m.uname) for m in tar} == {(0, 0, 0, "")}


def test_references(context):
    for name, item in built(stack_name="mine").items():
        assert item.reference == f"localhost/mine_{name}:{item.content_hash[:16]}"
        assert re.fullmatch("[0-9a-f]{64}", item.content_hash)


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "app/main.py").write_text("print(2)\n"),
        lambda folder: (folder / "app/main.py").rename(folder / "app/main2.py"),
        lambda folder: (folder / "app/main.py").chmod(0o755),
        lambda folder: (folder / "app/more.py").touch(),
        lambda folder: (folder / "app/main.py").unlink(),
    ],
    ids=["a byte", "a name", "executable", "one more", "one less"],
)
def test_a_change_of_the_context_changes_that_image_alone(context, change):
    before = built()
    change(context)
    after = built()
    assert after["app"].content_hash != before["app"].content_hash
    assert after["app"].archive != before["app"].archive
    assert after["base"] == before["base"]


def test_names_and_contents_do_not_run_into_each_other(context):
    (context / "a").write_text("bc")
    first = built()["app"].content_hash
    (context / "a").unlink()
    (context / "ab").write_text("c")
    assert built()["app"].content_hash != first


def test_who_may_read_a_file_here_does_not_matter(context):
    before = built()
    (context / "app/main.py").chmod(0o600)
    assert built() == before


def test_an_executable_stays_one(context):
    (context / "run.sh").write_text("#!/bin/sh\n")
    (context / "run.sh").chmod(0o700)
    assert members(built()["app"])["context/run.sh"] == 0o755


@pytest.mark.parametrize(
    "changes",
    [
        {"base_image": "docker.io/library/python:3.13-slim"},
        {"container_uid": 10002},
        {"stack_name": "mine"},
    ],
)
def test_a_change_of_the_base_changes_what_is_built_from_it(context, changes):
    before, after = built(), built(**changes)
    assert all(before[name].content_hash != after[name].content_hash for name in before)


def test_certificates_go_into_the_base(context, tmp_path):
    (tmp_path / "proxy.pem").write_text("-----BEGIN CERTIFICATE-----\none")
    before = built()
    after = built(extra_ca_certificates=[str(tmp_path / "proxy.pem")])
    assert set(members(after["base"])) == {"Dockerfile", "context/ca/xnai-proxy.crt"}
    (tmp_path / "proxy.pem").write_text("-----BEGIN CERTIFICATE-----\ntwo")
    again = built(extra_ca_certificates=[str(tmp_path / "proxy.pem")])
    assert len({x["base"].content_hash for x in (before, after, again)}) == 3


def test_bytecode_stays_out(context):
    before = built()
    (context / "app/__pycache__").mkdir()
    (context / "app/__pycache__/main.cpython-313.pyc").touch()
    (context / "app/old.pyc").touch()
    assert built() == before


def test_in_a_checkout_what_git_ignores_stays_out(context):
    before = built()
    (context / ".gitignore").write_text("/secret.env\n/.gitignore\n")
    (context / "secret.env").touch()
    # The environment of a git hook would point at another repository.
    subprocess.run(["git", "init", "-q", str(context)], check=True)
    assert built() == before


def test_a_missing_context(tmp_path):
    with pytest.raises(FileNotFoundError, match="no/such: no such build context"):
        context_files(tmp_path / "no/such")
