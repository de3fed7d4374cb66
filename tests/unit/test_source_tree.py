"""The user's own trees: what is sent, and what is refused with its place."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess

import pytest
from unit_settings import ROOT, make

from xnai.images import tree as source_tree
from xnai.images.locks import unlocked
from xnai.images.model import CopiedPath
from xnai.images.python_files import unparsable
from xnai.images.tree import (
    TreeRefused,
    copied_files,
    refusals,
    revision,
    untracked,
)
from xnai.stack.catalogue import base, build_inputs, dockerfiles, images, services

WHERE = "group_data/workstations.py:7"
HASH = f"--hash=sha256:{'a' * 64}"


@pytest.fixture
def checkout(tmp_path):
    """A checkout that is laid out as app/, requirements/, infra/docker/."""
    tree = tmp_path / "checkout"
    for path, text in {
        "app/api/main.py": "app = 1\n",
        "app/config.toml": "x = 1\n",
        "requirements/api.txt": f"fastapi==0.165.0 {HASH}\n",
        "infra/docker/Dockerfile": "FROM x\n",
        "README.md": "# tree\n",
    }.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    git(tree, "init", "-q")
    git(tree, "add", ".")
    return tree


def git(tree, *words):
    source_tree._tracked.cache_clear()
    subprocess.run(["git", "-C", str(tree), *words], check=True, capture_output=True)


def settings(tree, **changes):
    return make(
        service_sources={
            "rag_api": {
                "context": str(tree), "copy": ["app/api", "app/config.toml"],
                "requirements": "requirements/api.txt",
            } | changes
        }
    )


def refused(tree, **changes):
    return refusals(settings(tree, **changes), WHERE)


def test_a_good_tree_is_sent_with_its_copied_paths_alone(checkout):
    (checkout / "app/api/untracked.py").touch()
    assert refused(checkout) == []
    sent = {item.name: item for item in build_inputs(settings(checkout))}["rag_api"].files
    assert set(sent) == {
        "context/app/app/api/main.py", "context/app/app/config.toml", "context/requirements.txt",
    }


def test_what_is_left_out_is_told(checkout):
    (checkout / "app/api/new.py").touch()
    (checkout / "app/api/__pycache__").mkdir()
    (checkout / "app/api/__pycache__/x.pyc").touch()
    (checkout / "elsewhere.py").touch()
    (checkout / ".gitignore").write_text("__pycache__/\n")
    copies = [CopiedPath(checkout, "app/api", "a"), CopiedPath(checkout, "app/config.toml", "b")]
    assert untracked(copies) == [f"{checkout}/app/api/new.py"]


def test_other_places_in_the_image(checkout):
    moved = settings(checkout, copy={"app/api": "api", "app/config.toml": "config.toml"})
    sent = {item.name: item for item in build_inputs(moved)}["rag_api"].files
    assert {"context/app/api/main.py", "context/app/config.toml"} < set(sent)


def test_command_packages_environment_and_health_check(checkout):
    own = settings(
        checkout, command=["python", "-m", "api"], apt_packages=["libgomp1"],
        environment={"LOG_LEVEL": "debug"}, health_command=["python", "-m", "api.health"],
    )
    text = dockerfiles(own)["Dockerfile"]
    assert 'CMD ["python", "-m", "api"]' in text
    assert "apt-get install --yes --no-install-recommends libgomp1" in text
    service = {service.name: service for service in services(own)}["rag_api"]
    assert dict(service.environment)["LOG_LEVEL"] == "debug"
    assert dict(service.environment)["REDIS_HOST"] == "redis"
    assert service.health_command == ("python", "-m", "api.health")


def test_the_environment_of_ones_own_beats_ours(checkout):
    own = settings(checkout, environment={"RAG_DATA_DIR": "/data/mine"})
    service = {service.name: service for service in services(own)}["rag_api"]
    assert dict(service.environment)["RAG_DATA_DIR"] == "/data/mine"
    assert [name for name, _ in service.environment].count("RAG_DATA_DIR") == 1


def test_the_reference_service_is_left_out(checkout):
    (image,) = [i for i in images(settings(checkout)) if i.name == "rag_api"]
    assert {copy.root for copy in image.copies} == {checkout}


def test_own_documentation_is_built_and_served_by_our_server(checkout):
    (checkout / "mkdocs.yml").write_text("site_name: x\n")
    (checkout / "docs").mkdir()
    (checkout / "docs/index.md").write_text("# x\n")
    git(checkout, "add", ".")
    own = make(
        service_sources={
            "docs": {
                "context": str(checkout), "copy": ["mkdocs.yml", "docs"],
                "requirements": "requirements/api.txt",
            }
        }
    )
    assert refusals(own, WHERE) == []
    sent = {item.name: item for item in build_inputs(own)}["docs"].files
    assert {"context/site/mkdocs.yml", "context/site/docs/index.md"} < set(sent)
    assert "context/app/docs_server/__main__.py" in sent


def test_a_missing_context(tmp_path):
    assert refused(tmp_path / "no/such") == [
        f"service_sources['rag_api']['context'] = '{tmp_path}/no/such' ({WHERE}): no such directory"
    ]


def test_no_checkout(tmp_path):
    (sentence,) = refused(tmp_path)
    assert sentence.startswith(
        f"service_sources['rag_api']['context'] = '{tmp_path}' ({WHERE}): no git checkout;"
    )


def test_everything_wrong_is_said_at_once(checkout):
    (checkout / "app/new").mkdir()
    (checkout / "app/new/x.py").touch()
    assert refused(checkout, copy=["app/api", "app/nothing", "app/new"], requirements="x.txt") == [
        f"service_sources['rag_api']['copy'] names 'app/nothing' ({WHERE}): does not exist",
        f"service_sources['rag_api']['copy'] names 'app/new' ({WHERE}): exists, but git tracks "
        "nothing of it: git add",
        f"service_sources['rag_api']['requirements'] = 'x.txt' ({WHERE}): no file that git tracks "
        f"in {checkout}",
    ]


@pytest.mark.parametrize(
    "name",
    [".env", ".env.local", ".ENV", "id_ed25519", "server.pem", "tls.key", ".netrc", "store.p12",
     "prod.env", ".envrc"],
)
def test_what_is_a_secret_by_its_name(checkout, name):
    (checkout / "app/api" / name).write_text("x")
    git(checkout, "add", "-f", ".")
    (sentence,) = refused(checkout)
    assert sentence.startswith(f"{checkout}/app/api/{name}: looks like a secret")


@pytest.mark.parametrize("name", [".env.example", "config.sample", "environment.py", "key.py"])
def test_what_only_sounds_like_one(checkout, name):
    (checkout / "app/api" / name).write_text("x")
    git(checkout, "add", "-f", ".")
    assert refused(checkout) == []


def test_a_private_key_by_its_content(checkout):
    key = "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n"
    (checkout / "app/api/notes.txt").write_text("# " * 9000 + key)
    git(checkout, "add", ".")
    (sentence,) = refused(checkout)
    assert "notes.txt: looks like a secret" in sentence


def test_git_itself_is_never_sent(checkout):
    whole = settings(checkout, copy=["."])
    sent = {item.name: item for item in build_inputs(whole)}["rag_api"].files
    assert not [path for path in sent if ".git/" in path]


def test_a_large_file(checkout):
    (checkout / "app/api/model.bin").write_bytes(b"\0" * (20 * 2**20 + 1))
    git(checkout, "add", ".")
    assert refused(checkout) == [
        f"{checkout}/app/api/model.bin: 20.0 MiB, and context_max_mib = 20. Data belongs into a "
        "volume; or raise context_max_mib"
    ]


def test_a_file_of_just_the_allowed_size(checkout):
    (checkout / "app/api/model.bin").write_bytes(b"\0" * (20 * 2**20))
    git(checkout, "add", ".")
    assert refused(checkout) == []


def test_a_link(checkout):
    (checkout / "app/api/link").symlink_to("/etc/passwd")
    git(checkout, "add", ".")
    (sentence,) = refused(checkout)
    assert sentence.startswith(f"{checkout}/app/api/link: a symbolic link")


def test_what_lies_behind_a_link_to_a_directory(checkout, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/main.py").write_text("stolen = 1\n")
    shutil.rmtree(checkout / "app/api")
    (checkout / "app/api").symlink_to(tmp_path / "outside")
    (sentence,) = refused(checkout)
    assert sentence.startswith(f"{checkout}/app/api/main.py: a symbolic link, or behind one")


def test_a_link_to_a_directory_and_one_to_nothing(checkout, tmp_path):
    (checkout / "app/api/dir").symlink_to(tmp_path)
    (checkout / "app/api/nothing").symlink_to("no-such-file")
    git(checkout, "add", ".")
    found = refused(checkout)
    assert len(found) == 2
    assert found[0].startswith(f"{checkout}/app/api/dir: a symbolic link")
    assert "nothing" in found[1] and "cannot be sent" in found[1]


def test_links_to_what_git_tracks_in_the_tree_are_followed(checkout):
    (checkout / "shared/deep").mkdir(parents=True)
    (checkout / "shared/one.py").write_text("one = 1\n")
    (checkout / "shared/deep/two.py").write_text("two = 2\n")
    (checkout / "app/api/one.py").symlink_to("../../shared/one.py")
    (checkout / "app/api/shared").symlink_to("../../shared")
    (checkout / "shared/again").symlink_to("../shared")  # a circle, were it followed
    git(checkout, "add", ".")
    assert refused(checkout) == []
    sent = {item.name: item for item in build_inputs(settings(checkout))}["rag_api"].files
    here = {path.removeprefix("context/app/app/api/"): file.content for path, file in sent.items()}
    assert here["one.py"] == here["shared/one.py"] == b"one = 1\n"
    assert here["shared/deep/two.py"] == b"two = 2\n"
    # What git does not track is not reached through a link either.
    (checkout / "app/api/new.py").symlink_to("../../shared/new.py")
    git(checkout, "add", ".")
    (checkout / "shared/new.py").write_text("new = 1\n")
    (sentence,) = refused(checkout)
    assert "app/api/new.py: a symbolic link" in sentence


@pytest.mark.parametrize(
    ("text", "said"),
    [("def f():\nreturn 1\n", ":2: IndentationError"), ("x = (\n", ":1: SyntaxError"),
     ("x = '\0'\n", ":")],
)
def test_a_file_that_is_no_python_is_named_with_its_line(checkout, text, said):
    (checkout / "app/api/wrong.py").write_text(text)
    git(checkout, "add", ".")
    copies = next(one for one in images(settings(checkout)) if one.name == "rag_api").copies
    (sentence,) = unparsable(copies, "3.11")
    assert sentence.startswith(f"{checkout}/app/api/wrong.py{said}")
    assert sentence.endswith("leave it out by 'exclude'")
    # A newer Python may read what this one cannot.
    assert unparsable(copies, "3.99") == []


def test_what_is_built_from_source_is_in_the_lock(checkout):
    assert refused(checkout, source_packages=["fastapi==0.165.0"]) == []
    wrong, absent_ = refused(checkout, source_packages=["FastAPI==0.1", "cuid==0.4"])
    said = f"service_sources['rag_api']['source_packages'] ({WHERE})"
    assert wrong == (
        f"{said}: FastAPI==0.1 is not in {checkout}/requirements/api.txt: it has "
        "fastapi==0.165.0; make the lock again: xnai lock"
    )
    assert absent_.startswith(f"{said}: cuid==0.4 is not in ") and "it has no cuid" in absent_


def test_a_lock_behind_a_link(checkout, tmp_path):
    (tmp_path / "api.txt").write_text(f"fastapi==0.165.0 {HASH}\n")
    (checkout / "requirements/api.txt").unlink()
    (checkout / "requirements/api.txt").symlink_to(tmp_path / "api.txt")
    (sentence,) = refused(checkout)
    assert "requirements/api.txt: a symbolic link" in sentence


def test_a_name_that_is_no_text(checkout):
    (checkout / "app/api" / os.fsdecode(b"caf\xe9.py")).touch()
    git(checkout, "add", ".")
    (sentence,) = refused(checkout)
    assert "cannot be sent" in sentence


def test_two_files_at_one_place(checkout):
    (sentence,) = refused(checkout, copy={"app/api": "x", "app/config.toml": "x/main.py"})
    assert "at the same place" in sentence


def test_a_file_needs_a_place_of_its_own(checkout):
    assert refused(checkout, copy={"app/config.toml": "."}) == [
        f"service_sources['rag_api']['copy'] puts the file 'app/config.toml' at '.' ({WHERE}): "
        "name its place"
    ]


def test_files_of_a_submodule_are_sent(checkout, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "lib.py").write_text("x = 1\n")
    git(other, "init", "-q")
    git(other, "add", ".")
    git(other, "-c", "user.name=x", "-c", "user.email=x@y", "commit", "-qm", "x")
    git(checkout, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other),
        "app/api/vendored")
    assert refused(checkout) == []
    sent = {item.name: item for item in build_inputs(settings(checkout))}["rag_api"].files
    assert "context/app/app/api/vendored/lib.py" in sent


def test_without_git_there_is_no_checkout(checkout, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    source_tree._tracked.cache_clear()
    (sentence,) = refused(checkout)
    assert "no git checkout" in sentence
    source_tree._tracked.cache_clear()


def test_the_revision_says_whether_files_differ(checkout):
    assert revision(checkout) == "unknown"
    git(checkout, "-c", "user.name=x", "-c", "user.email=x@y", "commit", "-qm", "x")
    clean = revision(checkout)
    assert re.fullmatch("[0-9a-f]{40}", clean)
    (checkout / "README.md").write_text("changed\n")
    assert revision(checkout) == f"{clean}-dirty"


def test_requirements_by_line(tmp_path):
    path = tmp_path / "api.txt"
    text = (
        "# a comment\n"
        f"fastapi==0.165.0 {HASH}\n"
        f"uvicorn[standard]==0.54.0 ; python_version >= '3.11' \\\n    {HASH} \\\n    {HASH}\n"
        "    # via somebody\n"
        "httpx>=0.28\n"
        "redis==8.1.0\n"
        "-e .\n"
        "numpy\n"
    )
    lock = f"lock it: xnai lock SERVICE={path} (docs/own-tree.md)"
    assert unlocked(path, text) == [
        f"{path}:7: 'httpx>=0.28' is not pinned with ==; {lock}",
        f"{path}:8: 'redis==8.1.0' has no hash; {lock}",
        f"{path}:9: '-e .': options are not followed; {lock}",
        f"{path}:10: 'numpy' is not pinned with ==; {lock}",
    ]


def test_our_own_locks_are_locks():
    for image in (base(), *images(make())):
        lock = image.requirements.root / image.requirements.source
        assert unlocked(lock, lock.read_text("utf-8")) == []


def test_a_copy_that_selects_nothing(tmp_path):
    with pytest.raises(TreeRefused, match="no/such: no such file"):
        copied_files([CopiedPath(tmp_path, "no/such", "app")])


def test_the_example_of_the_docs_is_valid_and_selects_what_it_names(tmp_path):
    """A lab test deploys it."""
    example = (ROOT / "docs/examples/own_tree.py").read_text("utf-8")
    for path in ("api/main.py", "common/alive.py", "ui/main.py", "crawler/main.py",
                 "worker/main.py"):
        (tmp_path / "omega/app" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "omega/app" / path).write_text("x = 1\n")
    (tmp_path / "omega/docs").mkdir()
    for path in ("mkdocs.yml", "docs/index.md"):
        (tmp_path / "omega" / path).write_text("x\n")
    git(tmp_path / "omega", "init", "-q")
    git(tmp_path / "omega", "add", ".")
    example = example.replace("/home/me/omega", str(tmp_path / "omega"))
    example = example.replace("/home/me/xnai/group_data/locks", str(tmp_path))
    (tmp_path / "own_tree.py").write_text(example)
    names = runpy.run_path(str(tmp_path / "own_tree.py"))
    for service, source in names["service_sources"].items():
        packages = source.get("source_packages", ["idna==3.10"])
        (tmp_path / f"{service}.txt").write_text("".join(f"{one} {HASH}\n" for one in packages))
    own = make(**{name: names[name] for name in names["__all__"]})
    assert refusals(own, WHERE) == []
    sent = {item.name: item.files for item in build_inputs(own)}
    assert {"context/app/api/main.py", "context/app/common/alive.py"} <= set(sent["rag_api"])
    assert "context/site/docs/index.md" in sent["docs"]
    assert 'CMD ["python", "-m", "api.main"]' in dockerfiles(own)["Dockerfile"]
    limits = {s.name: s.memory.limit_mib for s in services(own)}
    assert limits["crawler"] == 640
