"""Whatever lies in a tree: a clear word about it, soon, and no exception."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from xnai.audit import names, sandbox, yaml_lines
from xnai.audit.engine import audit, judge
from xnai.audit.options import Options
from xnai.audit.rules import all_rules

QUICK = Options(tools=False)
DOCKERFILE = "FROM docker.io/library/debian:13-slim\nUSER 1000\n"


def whys(found) -> str:
    return " | ".join(f"{one.subject}: {one.why}" for one in found.unknown)


@pytest.mark.parametrize("name", ["Makefile", "Dockerfile", "compose.yml"])
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"a\0b", "is binary (NUL at byte 1)"),
        (b"a: \xff\n", "is not UTF-8 (byte 3: 0xff)"),
        (b"x" * 200_000, "has a line of 200,000 characters"),
    ],
    ids=["binary", "not UTF-8", "a huge line"],
)
def test_no_text(tree, name, content, why):
    assert why in whys(tree({name: content}))


@pytest.mark.parametrize("name", ["Makefile", "Dockerfile", "compose.yml"])
def test_a_hundred_megabytes(tree, tmp_path, name):
    with (tmp_path / name).open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    assert "104,857,600 bytes long, 2,097,152 are read at most" in whys(tree({}))


@pytest.mark.parametrize("name", ["Makefile", "Dockerfile", "compose.yml"])
def test_windows_line_ends(tree, name):
    texts = {
        "Makefile": "X = 1\r\n.PHONY: all\r\nall:\r\n\techo $(X)\r\n",
        "Dockerfile": DOCKERFILE.replace("\n", "\r\n"),
        "compose.yml": "services:\r\n  a:\r\n    image: docker.io/library/nginx:1.27\r\n",
    }
    found = tree({name: texts[name]})
    assert not found.unknown
    assert not judge(found, all_rules()).findings


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("services:\n  a: [1\n", "no YAML in line"),
        ("services:\n\ta: 1\n", "no YAML in line 2"),
        ("a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
            f"{c}: &{c} [*{p}, *{p}, *{p}, *{p}, *{p}, *{p}, *{p}, *{p}, *{p}]\n"
            for p, c in zip("abcdefgh", "bcdefghi", strict=True)), "grows past"),
        ("a: &a\n  b: *a\n", "grows past"),
        ("a: " + "[" * 5000 + "]" * 5000, "grows past"),
        ("[1, 2]", "has no mapping `services`"),
        ("services: 5", "has no mapping `services`"),
        ("", "has no mapping `services`"),
        ("services: {}\n" + "# x\n" * 70_000, "characters, 262,144 are read at most"),
    ],
    ids=["torn", "tab", "bomb", "loop", "deep", "list", "number", "empty", "long"],
)
def test_bad_yaml(tree, text, why):
    assert why in whys(tree({"compose.yml": text}))


@pytest.mark.parametrize("text", ["# mine\n", "---\n# mine\n", "services:\n  # mine\n",
                                  "version: '3'\n"])
def test_a_stub_is_no_compose_file_and_no_mistake(tree, tmp_path, text):
    found = tree({"compose.yml": "services:\n  a:\n    image: mine:1\n    build: .\n",
                  "Dockerfile": DOCKERFILE, "compose.override.yml": text})
    assert [one.path for one in found.composes] == ["compose.yml"]
    report = audit(tmp_path, Options())
    assert (report.unknown, [one for one in report.findings if one.severity != "info"]) == ((), [])


def test_odd_shapes_of_services(tree):
    odd = ("services:\n  a: null\n  b: [1]\n  c: {ports: 5, volumes: x, environment: [1, {a: b}],"
           " healthcheck: 1, depends_on: [[]], networks: 3, deploy: [], build: 7, secrets: {a: b}"
           "}\n"
           "networks: [1]\nvolumes: 2\n")
    found = judge(tree({"compose.yml": odd}), all_rules())
    assert not found.unknown


def test_anchors_and_merges_keep_their_lines(tree):
    found = tree({"compose.yml": "x-a: &a\n  volumes: ['/tmp/a:/a']\nservices:\n"
                                 "  w:\n    <<: [*a]\n    image: docker.io/library/nginx:1.27\n"})
    hits = [one for one in judge(found, all_rules()).findings if one.rule == "compose_tmp_source"]
    assert [one.line for one in hits] == [5]


@pytest.mark.parametrize("text", ["nonsense here\n", "RUN x\n", "FROM\n", "FROM a\nRUN <<E\n"])
def test_no_dockerfile(tree, text):
    assert "no Dockerfile" in whys(tree({"Dockerfile": text})) or tree({}).dockerfiles


def test_a_tree_without_any_of_the_three(tree, tmp_path):
    assert tree({"README": "x"}).unknown == ()
    report = audit(tmp_path, Options())
    assert (report.findings, report.unknown, report.metrics) == ((), (), ())


def test_links(tree, tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "Makefile").symlink_to("Makefile")
    (tmp_path / "Dockerfile").symlink_to("/etc/passwd")
    (tmp_path / "compose.yml").symlink_to("nowhere")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/Dockerfile").symlink_to("../real")
    found = tree({"real": DOCKERFILE})
    assert [one.path for one in found.dockerfiles] == ["sub/Dockerfile"]
    assert not found.makefiles and not found.composes


def test_names_with_blanks_newlines_and_bytes(tree, tmp_path):
    odd = ["a b/Dockerfile", "new\nline/Dockerfile", "$(touch x)/Dockerfile", "-f/Dockerfile"]
    found = tree(dict.fromkeys(odd, "FROM python:latest\nRUN pip install a>=1\n")
                 | {"a b/Makefile": "all:\n\techo\n", "n\nl/Makefile": "all:\n\techo\n"})
    raw = os.fsencode(tmp_path) + b"/\xff"
    odd_folder = Path(os.fsdecode(raw))
    odd_folder.mkdir()
    (odd_folder / "Dockerfile").write_text("FROM\n")
    found = tree({})
    assert len(found.dockerfiles) == 4
    report = audit(tmp_path, Options())
    from xnai.audit.reports import FORMATS

    for form in FORMATS.values():
        text = form(report).encode("utf-8", "backslashreplace").decode()
        assert "new\nline" not in text
    assert not (tmp_path / "x").exists()


def test_a_fifo_does_not_hold_it_up(tree, tmp_path):
    os.mkfifo(tmp_path / "Makefile")
    assert "is no regular file" in whys(tree({}))


@pytest.fixture
def forbidden() -> Iterator[Path]:
    """A tree of which parts may not be read, where other users can get to it."""
    root = Path(tempfile.mkdtemp(prefix="xnai-test-"))
    (root / "in/sub").mkdir(parents=True)
    (root / "in/Makefile").write_text("all:\n\t:\n")
    (root / "in/sub/Dockerfile").write_text(DOCKERFILE)
    root.chmod(0o755)
    (root / "in").chmod(0o755)
    (root / "in/Makefile").chmod(0)
    (root / "in/sub").chmod(0)
    yield root
    (root / "in").chmod(0o755)
    (root / "in/sub").chmod(0o755)
    shutil.rmtree(root)


def as_ordinary_user(folder: Path, words: list[str]) -> subprocess.CompletedProcess[str]:
    """Run an audit as somebody who is not root: root reads everything."""
    run = "import sys; from xnai.audit.command import audit; audit(sys.argv[1:], 'xnai audit')"
    if os.geteuid() != 0:
        argv, where = [sys.executable], sys.path
    else:
        # Neither this Python nor its packages need be where others may read.
        python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
        assert python, "needed as root: a python3 of the system's"
        argv = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", python]
        where = [str(folder / "lib")]
        for name in ("xnai", "yaml", "click", "dockerfile"):
            found = Path(importlib.util.find_spec(name).origin)
            if found.name == "__init__.py":
                shutil.copytree(found.parent, folder / "lib" / name, ignore=lambda _, names: [
                    one for one in names if one in {"__pycache__", "lab"} or "cpython" in one])
            else:
                shutil.copy(found, folder / "lib")
    return subprocess.run(
        [*argv, "-P", "-c", run, *words], capture_output=True, text=True, check=False, timeout=60,
        cwd="/", env={"PATH": "/usr/bin:/bin:/usr/sbin", "PYTHONPATH": ":".join(where),
                      "PYTHONDONTWRITEBYTECODE": "1"},
    )


def test_unreadable(forbidden):
    done = as_ordinary_user(forbidden, [str(forbidden / "in"), "--no-tools", "--json"])
    said = {one["subject"]: one["why"] for one in json.loads(done.stdout)["unknown"]}
    assert said["Makefile"] == "cannot be read: Permission denied"
    assert said["sub"] == "cannot be listed: Permission denied"
    assert done.returncode == 2


def test_an_unreadable_tree(forbidden):
    (forbidden / "in").chmod(0)
    done = as_ordinary_user(forbidden, [str(forbidden / "in")])
    assert done.returncode == 2
    assert "cannot be read by this user" in done.stderr


def test_too_many_files(tree, monkeypatch):
    monkeypatch.setattr(names, "MAX_FILES", 3)
    assert "more than 3 files" in whys(tree({f"{n}.txt": "" for n in range(5)}))


MAKEFILE = {"Makefile": ".PHONY: all\nall:\n\techo\n"}


def without(monkeypatch, *programs):
    which = shutil.which
    monkeypatch.setattr(
        sandbox.shutil, "which", lambda name, *a: None if name in programs else which(name, *a)
    )


def test_without_make(tree, monkeypatch):
    without(monkeypatch, "make")
    assert "make: GNU make is not installed" in whys(tree(MAKEFILE))


def test_without_a_sandbox_make_is_never_run(tree, monkeypatch):
    without(monkeypatch, "bwrap", "podman")
    found = tree(MAKEFILE)
    assert found.makefiles == ()
    assert "sandbox: no sandbox: " in whys(found)
    assert "apt-get install bubblewrap" in found.unknown[0].remedy


def test_a_forbidden_sandbox_is_no_sandbox(tree, monkeypatch, tmp_path):
    """As on Ubuntu 24.04, where AppArmor forbids bubblewrap its user namespace."""
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    fake.chmod(0o755)
    which = shutil.which
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: {
        "bwrap": str(fake), "podman": None}.get(name, which(name)))
    found = tree(MAKEFILE)
    assert found.makefiles == ()
    assert "setting up uid map: Permission denied" in whys(found)


def test_without_the_tools(tree, monkeypatch, tmp_path):
    from xnai.audit import tool_answers

    makefile = ".PHONY: all\nall:\n\techo '1'\n"
    tree({"Makefile": makefile, "Dockerfile": DOCKERFILE, "compose.yml": "services: {}\n"})
    monkeypatch.setattr(tool_answers, "find", lambda name: None)
    said = {one.subject for one in audit(tmp_path, Options()).unknown}
    assert said == {"hadolint", "shellcheck", "check-jsonschema", "compose-lint"}


def test_a_rule_that_fails_is_unknown(tree, monkeypatch):
    rule = all_rules()[0]
    monkeypatch.setattr(type(rule), "check", lambda self, tree: 1 / 0)
    found = judge(tree({}), [rule])
    assert found.results == {rule.id: "unknown"}
    assert "ZeroDivisionError" in found.unknown[0].why


def test_a_makefile_of_ten_megabytes(tree, tmp_path):
    with (tmp_path / "Makefile").open("wb") as file:
        file.truncate(10 * 1024 * 1024)
    assert "10,485,760 bytes long, 2,097,152 are read at most" in whys(tree({}))


def test_a_thousand_nested_includes(tree):
    found = tree({
        "Makefile": "include 1.mk\n.PHONY: all\nall:\n\techo\n",
        **{f"{n}.mk": f"include {n + 1}.mk\nV{n} := {n}\n" for n in range(1, 1_000)},
        "1000.mk": "LAST := 1\n",
    })
    assert len(found.makefiles) == 1 or found.unknown
    judged = judge(found, all_rules())
    assert not [one for one in judged.unknown if "the rule failed" in one.why]


def test_includes_in_circles(tree):
    found = tree({"Makefile": "include a.mk\nall:\n\techo\n", "a.mk": "-include b.mk\n",
                  "b.mk": "X := 1\n"})
    assert not [one for one in judge(found, all_rules()).unknown if "the rule failed" in one.why]


def test_a_compose_file_of_a_hundred_thousand_lines(tree):
    text = "services:\n" + "".join(f"  s{n}:\n    image: a\n" for n in range(50_000))
    assert "262,144 are read at most" in whys(tree({"compose.yml": text}))


def test_aliases_over_the_limit(tree, monkeypatch):
    monkeypatch.setattr(yaml_lines, "MAX_NODES", 50)
    text = "x: &x [1, 2, 3, 4, 5, 6, 7, 8, 9]\nservices:\n" + "".join(
        f"  s{n}: {{image: a, ports: *x}}\n" for n in range(6))
    assert "grows past 50 parts" in whys(tree({"compose.yml": text}))


def test_links_in_circles(tree, tmp_path):
    for one, other in (("a", "b"), ("b", "c"), ("c", "a")):
        (tmp_path / one).mkdir()
        (tmp_path / one / "to").symlink_to(f"../{other}")
        (tmp_path / one / "Makefile").symlink_to(f"../{other}/Makefile")
    found = tree({"Dockerfile": DOCKERFILE})
    assert not found.makefiles
    assert [one.path for one in found.dockerfiles] == ["Dockerfile"]


def test_a_tab_alone_on_a_line_shifts_no_other(tree):
    found = tree({"Makefile": ".PHONY: all\nall:\n\techo one\n\t\n\t$(info two (2))\n"
                              "\tkillall python\n"})
    hits = [one for one in judge(found, all_rules()).findings
            if one.rule == "make_dangerous_command"]
    assert [one.line for one in hits] == [6]
