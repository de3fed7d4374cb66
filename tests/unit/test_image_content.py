"""What goes into an image, and the hashes that say what changed."""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
from dataclasses import replace

import pytest
from unit_settings import make

from xnai.images import tree as source_tree
from xnai.images.content import BuildInput, archive
from xnai.images.model import CopiedPath, Image
from xnai.operations.image import cache_directories
from xnai.stack import catalogue
from xnai.stack.catalogue import build_inputs, dockerfiles, images


def git(folder, *words):
    subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A small tree, of which the catalogue now makes its one service."""
    folder = tmp_path / "tree"
    (folder / "app").mkdir(parents=True)
    (folder / "requirements.txt").write_text("x==1 --hash=sha256:aa\n")
    (folder / "app/main.py").write_text("print(1)\n")
    image = Image(
        "rag_api", "RAG API", "Dockerfile", (CopiedPath(folder, "app", "app/app"),),
        CopiedPath(folder, "requirements.txt", "requirements.txt"),
        command=("python", "-m", "app"), volume="/data",
    )
    monkeypatch.setattr(catalogue, "images", lambda settings: (image,))
    return folder


def built(**changes: object) -> dict[str, BuildInput]:
    source_tree._tracked.cache_clear()
    return {item.name: item for item in build_inputs(make(**changes))}


def changed(before: dict[str, BuildInput], after: dict[str, BuildInput]) -> dict[str, set[str]]:
    """The images with another reference, each with the inputs that differ."""
    return {
        name: {key for key in item.inputs if item.inputs[key] != before[name].inputs[key]}
        for name, item in after.items() if item.reference != before[name].reference
    }


def members(item: BuildInput) -> dict[str, int]:
    with tarfile.open(fileobj=io.BytesIO(archive([item], {}))) as tar:
        return {
            member.name.removeprefix(f"{item.image.name}/"): member.mode for member in tar
        }


def test_the_same_bytes_twice(tree):
    first = built()
    (tree / "app/main.py").touch()
    again = built()
    assert again == first
    packed = archive(first.values(), {"build.sh": "x"})
    assert archive(again.values(), {"build.sh": "x"}) == packed
    assert members(first["rag_api"]) == {
        "Dockerfile": 0o644, "context/app/app/main.py": 0o644, "context/requirements.txt": 0o644,
    }
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        assert {(m.mtime, m.uid, m.gid, m.uname) for m in tar} == {(0, 0, 0, "")}
        assert "build.sh" in tar.getnames()


def test_references_and_what_each_is_built_from(tree):
    found = built(stack_name="mine")
    for name, item in found.items():
        assert item.reference == f"localhost/mine_{name}:{item.content_hash[:16]}"
        assert re.fullmatch("[0-9a-f]{64}", item.content_hash)
        # Its own Dockerfile starts from its parent.
        assert f"FROM {item.parent}" in item.dockerfile
    assert [(item.name, item.target, item.parent) for item in found.values()] == [
        ("base", "runtime", "docker.io/library/python:3.12-slim"),
        ("build", "", found["base"].reference),
        ("rag_api_packages", "packages", found["base"].reference),
        ("rag_api", "", found["rag_api_packages"].reference),
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "app/main.py").write_text("print(2)\n"),
        lambda folder: (folder / "app/main.py").rename(folder / "app/main2.py"),
        lambda folder: (folder / "app/main.py").chmod(0o755),
        lambda folder: (folder / "app/more.py").touch(),
    ],
    ids=["a byte", "a name", "executable", "one more"],
)
def test_a_change_of_the_code_changes_that_image_alone(tree, change):
    before = built()
    change(tree)
    assert changed(before, built()) == {"rag_api": {"files"}}


def test_a_change_of_the_requirements_leaves_the_base_alone(tree):
    before = built()
    (tree / "requirements.txt").write_text("x==2 --hash=sha256:bb\n")
    assert changed(before, built()) == {
        "rag_api_packages": {"requirements"}, "rag_api": {"packages"},
    }


@pytest.mark.parametrize(
    ("changes", "runtime"),
    [
        ({"base_image": "docker.io/library/python:3.13-slim"}, {"base_image", "dockerfile"}),
        ({"container_uid": 10002}, {"dockerfile"}),
    ],
)
def test_a_change_of_the_base_changes_what_is_built_from_it(tree, changes, runtime):
    found = changed(built(), built(**changes))
    assert found.get("base") == runtime
    assert "base" in found["build"]
    assert {"rag_api_packages", "rag_api"} <= set(found)


@pytest.mark.parametrize(
    "changes",
    [
        {"package_index_url": "https://mirror.example/simple"},
        {"package_index_url": "http://mirror.example/simple", "wheelhouse_dir": "/srv/wheels"},
        {"package_index_url": None, "wheelhouse_dir": "/srv/wheels"},
    ],
)
@pytest.mark.parametrize("sources", [(), ("x==1",)])
def test_where_packages_come_from_builds_nothing_anew(tree, monkeypatch, changes, sources):
    (image,) = catalogue.images(make())
    (tree / "requirements.txt").write_text("x==1 --hash=sha256:aa\ny==2 --hash=sha256:bb\n")
    image = replace(image, source_packages=sources)
    monkeypatch.setattr(catalogue, "images", lambda settings: (image,))
    assert changed(built(), built(**changes)) == {}


def test_what_is_built_from_source_stands_apart_and_is_an_input(tree, monkeypatch):
    (tree / "requirements.txt").write_text("x==1 --hash=sha256:aa\ny==2 --hash=sha256:bb\n")
    before = built()
    (image,) = catalogue.images(make())
    image = replace(image, source_packages=("x==1",), build_apt_packages=("gcc",))
    monkeypatch.setattr(catalogue, "images", lambda settings: (image,))
    after = built()
    assert changed(before, after) == {
        "rag_api_packages": {"requirements", "dockerfile"}, "rag_api": {"packages", "dockerfile"},
    }
    files = after["rag_api_packages"].files
    assert files["context/requirements.txt"].content == b"y==2 --hash=sha256:bb\n"
    assert files["context/source_requirements.txt"].content == b"x==1 --hash=sha256:aa\n"
    assert "context/source_tools/make_wheels.py" in files
    text = after["rag_api_packages"].dockerfile
    fetched, built_ = text.index("make_wheels.py fetch"), text.index("RUN --network=none")
    assert text.index("install --yes --no-install-recommends gcc") < fetched < built_
    mounted = set(re.findall(r"--mount=type=cache,id=([^,]+)", text))
    assert mounted <= cache_directories("xnai").keys(), "who would bound it, and take it down?"


def test_names_and_contents_do_not_run_into_each_other(tree):
    (tree / "app/a").write_text("bc")
    first = built()["rag_api"].content_hash
    (tree / "app/a").unlink()
    (tree / "app/ab").write_text("c")
    assert built()["rag_api"].content_hash != first


def test_who_may_read_a_file_here_does_not_matter(tree):
    before = built()
    (tree / "app/main.py").chmod(0o600)
    assert changed(before, built()) == {}


def test_an_executable_stays_one(tree):
    (tree / "app/run.sh").write_text("#!/bin/sh\n")
    (tree / "app/run.sh").chmod(0o700)
    assert members(built()["rag_api"])["context/app/app/run.sh"] == 0o755


def test_certificates_go_into_the_base(tree, tmp_path):
    (tmp_path / "proxy.pem").write_text("-----BEGIN CERTIFICATE-----\none")
    authority = {"extra_ca_certificates": [str(tmp_path / "proxy.pem")]}
    before, after = built(), built(**authority)
    assert "context/ca/xnai-proxy.crt" in members(after["base"])
    (tmp_path / "proxy.pem").write_text("-----BEGIN CERTIFICATE-----\ntwo")
    again = built(**authority)
    assert len({x["base"].content_hash for x in (before, after, again)}) == 3


def test_bytecode_stays_out(tree):
    before = built()
    (tree / "app/__pycache__").mkdir()
    (tree / "app/__pycache__/main.cpython-313.pyc").touch()
    (tree / "app/old.pyc").touch()
    assert changed(before, built()) == {}


def test_in_a_checkout_only_what_git_tracks(tree):
    before = built()
    git(tree, "init", "-q")
    git(tree, "add", ".")
    (tree / "app/forgotten.py").touch()
    assert changed(before, built()) == {}
    git(tree, "add", ".")
    assert changed(before, built()) == {"rag_api": {"files"}}


def test_every_default_image_has_its_input_and_every_image_its_dockerfile():
    settings = make()
    names = [item.name for item in build_inputs(settings)]
    assert len(set(names)) == len(names)
    for image in images(settings):
        assert (image.name in names) is image.built
    assert set(dockerfiles(settings)) == {
        "Dockerfile", "Dockerfile.awq", "Dockerfile.base", "Dockerfile.chainlit",
        "Dockerfile.crawl", "Dockerfile.curation_worker", "Dockerfile.docs", "Dockerfile.llm",
    }


def test_the_optional_images():
    assert "awq" not in {item.name for item in build_inputs(make())}
    assert "awq" in {item.name for item in build_inputs(make(awq_image=True))}
    elsewhere = make(llm_endpoint_url="http://10.0.0.5:8080/v1")
    assert "llm" not in {item.name for item in build_inputs(elsewhere)}
