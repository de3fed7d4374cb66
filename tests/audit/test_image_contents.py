"""What images have, from a store: a false engine on PATH answers."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from dataclasses import replace

import pytest

from xnai.audit import image_contents
from xnai.audit.engine import audit
from xnai.audit.image_contents import Contents, of_host, parsed, spellings
from xnai.audit.options import Options
from xnai.audit.rules.compose_healthcheck_binary import ComposeHealthcheckBinary

COMPOSE = """services:
  a:
    image: example.org/a:1
    healthcheck: {test: "CMD-SHELL"}
""".replace('"CMD-SHELL"', "[CMD, check-me, --fast]")


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A PATH with what the listing needs and no engine; programs are added to it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "find", "tr", "sort", "sed", "cat", "sleep", "make", "ldd", "prlimit"):
        (folder / name).symlink_to(shutil.which(name))
    monkeypatch.setenv("PATH", str(folder))

    def put(name: str, text: str) -> None:
        (folder / name).write_text("#!/bin/sh\n" + text)
        (folder / name).chmod(0o755)

    return put


def podman(tmp_path, *names: str) -> str:
    """An engine whose one image is a directory with these programs."""
    image = tmp_path / "image"
    (image / "usr/bin").mkdir(parents=True)
    for name in names:
        (image / "usr/bin" / name).touch(0o755)
    (image / "etc").symlink_to("/usr/bin")
    (image / "usr/text").touch(0o644)
    return (
        f'case "$*" in\ninfo*) echo true;;\nunshare*) shift; exec "$@";;\n'
        f'"image mount example.org/a:1") echo {image};;\n"image mount"*) exit 1;;\nesac\n'
        f'echo "$@" >> {tmp_path}/calls\n'
    )


def hits(tree, compose: str = COMPOSE, **options) -> list[int]:
    made = tree({"compose.yml": compose})
    made = replace(made, options=replace(Options(), **options))
    return [hit.line for hit in ComposeHealthcheckBinary().check(made)]


def test_podman_lists_and_runs_nothing(tree, tmp_path, path):
    path("podman", podman(tmp_path, "sh", "cat"))
    assert image_contents.local().programs("example.org/a:1") == {"sh", "cat", "etc"}
    assert hits(tree) == [4]
    calls = (tmp_path / "calls").read_text()
    assert "image unmount example.org/a:1" in calls
    assert not [word for word in ("run", "pull", "exec", "start") if f"{word} " in calls]


def test_what_is_there_is_right(tree, tmp_path, path):
    path("podman", podman(tmp_path, "check-me"))
    assert hits(tree) == []


def test_an_image_that_is_not_in_the_store_goes_by_the_table(tree, tmp_path, path):
    path("podman", podman(tmp_path, "sh"))
    other = COMPOSE.replace("example.org/a:1", "docker.io/library/redis:7").replace(
        "check-me, --fast", "curl, -f")
    assert hits(tree, other) == [4]
    assert hits(tree, other.replace("curl", "redis-cli")) == []


def test_docker_exports_what_was_never_started(tmp_path, path):
    with tarfile.open(tmp_path / "image.tar", "w") as tar:
        for name, mode in (("bin/sh", 0o755), ("usr/lib/text", 0o644)):
            one = tarfile.TarInfo(name)
            one.mode = mode
            tar.addfile(one, io.BytesIO())
    path("docker", f'echo "$@" >> {tmp_path}/calls\ncase $1 in\ncreate) echo abc;;\n'
                   f"export) cat {tmp_path}/image.tar;;\nesac\n")
    assert image_contents.local().programs("a:1") == {"sh"}
    assert (tmp_path / "calls").read_text().split("\n")[:-1] == [
        "create --pull=never --network=none a:1 /", "export abc", "rm --force abc"]


@pytest.mark.parametrize("engine", ["podman", "docker"])
def test_an_engine_that_hangs_or_fails_tells_nothing(monkeypatch, path, engine):
    monkeypatch.setattr(image_contents, "SECONDS", 0.2)
    path(engine, "exec sleep 30\n")
    assert image_contents.local().programs("a:1") is None
    path(engine, "exit 125\n")
    assert image_contents.local().programs("a:1") is None


def test_the_report_says_what_was_asked(tree, tmp_path, path):
    def said(options: Options) -> str:
        tree({"compose.yml": COMPOSE})
        table = next(one for one in audit(tmp_path, options).metrics if "Health" in one.title)
        return table.rows[0][-1]

    assert said(Options(tools=False)) == (
        "not judged: the image is not known (no Podman or Docker here)")
    images = of_host("desk", {"example.org/a:1": frozenset({"sh"})})
    assert said(Options(tools=False, images=images)) == "the image, in desk's store"


def test_an_image_that_is_built_here_is_compared_on_a_host_alone(tree):
    compose = COMPOSE.replace("    health", "    build: .\n    health")
    known = {"example.org/a:1": frozenset({"sh"})}
    assert hits(tree, compose, images=Contents("podman", False, dict(known))) == []
    assert hits(tree, compose, images=of_host("desk", known)) == [5]


@pytest.mark.parametrize(
    ("test", "found"),
    [
        ("[CMD, /opt/check.sh]", True),
        ("[CMD-SHELL, 'pg_isready -U x || exit 1']", True),
        ("test -e /tmp/ready || exit 1", False),
        ("'[ \"$$(cat /x)\" = up ]'", False),
        ("'$$CHECK a'", False),
        ("[CMD, /mnt/check.sh]", False),
    ],
)
def test_which_words_are_programs(tree, test, found):
    compose = (
        "services:\n  a:\n    image: a:1\n    volumes: ['x:/mnt']\n"
        f"    healthcheck: {{test: {test}}}\nvolumes:\n  x:\n"
    )
    images = of_host("desk", {"localhost/a:1": frozenset({"sh", "cat"})})
    assert bool(hits(tree, compose, images=images)) == found


def test_a_list_that_was_cut_off_is_left_out():
    lines = ["image", "a:1", " sh", "end", "image", "b:1", "end", "image", "c:1", " sh"]
    assert parsed(lines) == {"a:1": {"sh"}}


def test_spellings():
    assert "docker.io/library/redis:latest" in spellings("redis")
    assert spellings("h:5/a@sha256:1")[0] == "h:5/a@sha256:1"


def test_a_name_with_a_newline_is_one_name(tmp_path, path):
    path("podman", podman(tmp_path, "a\nend\nimage\nevil"))
    done = subprocess.run(["sh", "-c", image_contents.LISTING, "sh", "example.org/a:1"],
                          capture_output=True, text=True, check=False)
    assert set(parsed(done.stdout.split("\n"))) == {"example.org/a:1"}
