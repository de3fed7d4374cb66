"""Requirements before uv's resolver, from a directory of wheels instead of an index."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile

import pytest

from xnai.audit.model import RuleFinding
from xnai.audit.online import filtered, resolve
from xnai.diagnostics.finding import Unknown

DOCKERFILE = ("FROM docker.io/library/python:3.12-slim\nCOPY requirements.txt ./\n"
              "RUN pip install -r requirements.txt\nUSER 1000\n")


def wheel(folder, name, version, *needs):
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as file:
        info = f"{name}-{version}.dist-info"
        meta = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        file.writestr(f"{info}/METADATA", meta + "".join(f"Requires-Dist: {n}\n" for n in needs))
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"
                                       "Tag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")


@pytest.fixture
def asked(tree, tmp_path, monkeypatch):
    folder = tmp_path / "wheels"
    folder.mkdir()
    wheel(folder, "one", "1.0", "two<2")
    wheel(folder, "two", "1.5")
    wheel(folder, "two", "2.0")
    backend = f"import pathlib\npathlib.Path({str(tmp_path)!r}, 'PWNED').touch()\n"
    with tarfile.open(folder / "evil-1.0.tar.gz", "w:gz") as tar:
        for name, text in {"setup.py": backend, "PKG-INFO": "Metadata-Version: 2.1\n"
                           "Name: evil\nVersion: 1.0\nDynamic: Requires-Dist\n"}.items():
            info = tarfile.TarInfo(f"evil-1.0/{name}")
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))

    def ask(text):
        return list(resolve(tree({"Dockerfile": DOCKERFILE, "requirements.txt": text})))

    return ask


def test_what_fits_is_silent(asked):
    assert asked("one==1.0\ntwo==1.5\n") == []


def test_what_does_not_fit_is_found(asked):
    (found,) = asked("# top\none==1.0\ntwo==2.0\n")
    assert isinstance(found, RuleFinding)
    assert (found.rule, found.path, found.line) == ("uv:resolve", "requirements.txt", 2)
    assert "two" in found.what


def test_what_does_not_exist_is_found(asked):
    (found,) = asked("one==1.0\nno-such-package==1.0\n")
    assert isinstance(found, RuleFinding) and found.line == 2


def test_nothing_is_built(asked, tmp_path):
    (found,) = asked("evil==1.0\n")
    assert isinstance(found, Unknown), json.dumps(found.__dict__, default=str)
    assert not (tmp_path / "PWNED").exists()


def test_only_plain_requirements_reach_uv():
    text = ("-e .\n-r other.txt\n--index-url https://example.org\n./local\nfile:///x\n"
            "a @ https://example.org/a.whl\ngit+https://example.org/b\n"
            "plain[extra]==1.0 ; python_version > '3' \\\n    --hash=sha256:00\n# no\n"
            "b>=1,<2 # c\n")
    assert filtered(text) == "plain[extra]==1.0 ; python_version > '3'\nb>=1,<2\n"


def test_pins_on_a_line_of_a_dockerfile_are_resolved(asked, tree):
    asked("one==1.0\n")
    found = list(resolve(tree({
        "Dockerfile": "FROM docker.io/library/python:3.12-slim\nRUN pip install one==1.0\n"
                      "RUN uv pip install --system 'two==3.8.5'\nUSER 1000\n",
        "requirements.txt": "one==1.0\n",
    })))
    assert [(one.path, one.line) for one in found] == [("Dockerfile", 3)]
    assert "two==3.8.5" in found[0].what


def test_requirements_that_no_dockerfile_installs_are_resolved(asked, tree):
    found = list(resolve(tree({"tools/requirements.txt": "# by hand\ntwo==9\n"})))
    assert [(one.path, one.line) for one in found] == [("tools/requirements.txt", 2)]
