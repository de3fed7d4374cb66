"""Locks for the user's own tree: which wheels an image takes, and what has none."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace

import pytest
from click.testing import CliRunner

from xnai.cli.command import main
from xnai.images import locking
from xnai.images.locking import NotLocked, Origin, fitting, has_python_alone, made, origin
from xnai.images.locks import parted, unlocked

PLAIN = {"name": "anyio", "version": "4.1", "wheels": [
    {"url": "https://x/anyio-4.1-py3-none-any.whl", "hashes": {"sha256": "a" * 64}},
]}
NUMBERS = {"name": "numpy", "version": "2.0", "wheels": [
    {"name": f"numpy-2.0-{tag}.whl", "hashes": {"sha256": digit * 64}} for digit, tag in (
        ("1", "cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64"),
        ("2", "cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64"),
        ("3", "cp312-cp312-manylinux_2_27_aarch64"),
        ("4", "cp312-cp312-musllinux_1_2_x86_64"),
        ("5", "cp312-cp312-win_amd64"),
        ("6", "cp38-abi3-manylinux_2_5_x86_64"),
        ("7", "cp312-cp312-manylinux_2_39_x86_64"),  # of a newer C library than the images'
    )
]}
SOURCE = {"name": "cuid", "version": "0.4", "sdist": {"hashes": {"sha256": "c" * 64}}}


@pytest.fixture
def resolves(monkeypatch):
    """Let the resolver find these packages, by architecture."""
    def to(found):
        monkeypatch.setattr(
            locking, "_resolved",
            lambda wanted, architecture, index_url, old: found[architecture],
        )
    return to


def wanted(tmp_path, *architectures):
    return Origin(tmp_path / "api.in", "3.12", architectures or ("x86_64",))


@pytest.mark.parametrize(
    ("python", "architecture", "digits"),
    [("3.12", "x86_64", "16"), ("3.13", "x86_64", "26"), ("3.12", "aarch64", "3"),
     ("3.11", "aarch64", "")],
)
def test_the_wheels_that_an_image_takes(python, architecture, digits):
    assert [one[0] for one in fitting(NUMBERS, python, architecture)] == list(digits)


def test_a_lock_says_what_it_was_made_from_and_is_one_that_a_build_takes(resolves, tmp_path):
    resolves({"x86_64": [NUMBERS, PLAIN], "aarch64": [NUMBERS, PLAIN]})
    asked = wanted(tmp_path, "x86_64", "aarch64")
    text = made(asked, "https://index").text
    assert origin(text) == asked
    assert unlocked(tmp_path / "api.txt", text) == []
    assert text.count("--hash=sha256:") == 4  # numpy 1, 6 and 3, anyio
    assert text.index("anyio==4.1") < text.index("numpy==2.0")


def test_all_packages_without_a_wheel_are_named_at_once(resolves, tmp_path):
    resolves({"x86_64": [SOURCE, PLAIN, SOURCE | {"name": "jsmin"}]})
    with pytest.raises(NotLocked, match=r"2 packages have no wheel(?s:.*)cuid==0.4(?s:.*)jsmin"):
        made(wanted(tmp_path), "https://index")


def test_sources_are_locked_where_they_are_wanted(resolves, tmp_path):
    resolves({"x86_64": [SOURCE, PLAIN], "aarch64": [SOURCE, PLAIN]})
    asked = replace(wanted(tmp_path, "x86_64", "aarch64"), with_sources=True)
    found = made(asked, "https://index")
    assert origin(found.text) == asked
    assert unlocked(tmp_path / "api.txt", found.text) == []
    assert [(one.name, one.version, one.is_pure) for one in found.sources] == [
        ("cuid", "0.4", None)
    ]
    wheels, sources = parted(found.text, ["cuid==0.4"])
    assert sources == f"cuid==0.4 --hash=sha256:{'c' * 64}\n"
    assert wheels == f"anyio==4.1 --hash=sha256:{'a' * 64}\n"
    resolves({"x86_64": [SOURCE | {"sdist": None}], "aarch64": []})
    with pytest.raises(NotLocked, match="neither a wheel nor a source"):
        made(asked, "https://index")


def test_two_versions_for_two_architectures_are_refused(resolves, tmp_path):
    resolves({"x86_64": [PLAIN], "aarch64": [PLAIN | {"version": "4.0"}]})
    with pytest.raises(NotLocked, match=r"anyio is 4\.1 on x86_64 and 4\.0 on aarch64"):
        made(wanted(tmp_path, "x86_64", "aarch64"), "https://index")


@pytest.mark.parametrize(
    ("names", "is_pure"),
    [(["a/a.py", "a/README"], True), (["a/a.py", "a/src/fast.c"], False),
     (["a/lib.rs"], False), (["a/tests/data.c", "a/a.py"], True)],
)
def test_what_needs_a_compiler(names, is_pure):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name))
    assert has_python_alone(packed.getvalue(), "a-1.tar.gz") is is_pure
    assert has_python_alone(b"no archive", "a-1.tar.gz") is None


def test_the_command_writes_a_lock_and_makes_it_again(resolves, tmp_path):
    resolves({"x86_64": [PLAIN]})
    (tmp_path / "api.in").write_text("anyio\n")
    into = ["--into", str(tmp_path / "locks")]
    run = CliRunner().invoke(main, ["lock", f"rag_api={tmp_path}/api.in", *into])
    assert run.exit_code == 0, run.output
    lock = tmp_path / "locks" / "rag_api.txt"
    assert f'"requirements": "{lock}"' in run.output
    resolves({"x86_64": [PLAIN | {"version": "4.2"}]})
    assert CliRunner().invoke(main, ["lock", *into]).exit_code == 0
    assert "anyio==4.2" in lock.read_text()
    # A failure leaves the lock as it was.
    resolves({"x86_64": [SOURCE]})
    failed = CliRunner().invoke(main, ["lock", *into])
    assert failed.exit_code == 1 and "cuid==0.4" in failed.output
    assert "anyio==4.2" in lock.read_text()


def test_the_command_tells_the_settings_for_sources_and_takes_a_list(resolves, tmp_path):
    resolves({"x86_64": [SOURCE]})
    into = ["--into", str(tmp_path / "locks")]
    words = ["lock", "docs", "--package", "cuid==0.4", "--with-sources", *into]
    run = CliRunner().invoke(main, words)
    assert run.exit_code == 0, run.output
    assert '"source_packages": ["cuid==0.4"],' in run.output
    assert (tmp_path / "locks/docs.in").read_text() == "cuid==0.4\n"
    # Once wanted, wanted again.
    run = CliRunner().invoke(main, ["lock", *into])
    assert run.exit_code == 0, run.output
    assert CliRunner().invoke(main, ["lock", *into, "--wheels-only"]).exit_code == 1
    run = CliRunner().invoke(main, ["lock", "docs", "rag_api", "--package", "a==1", *into])
    assert run.exit_code == 2 and "one SERVICE" in run.output


@pytest.mark.parametrize(
    ("words", "said"),
    [(["nothing=x.in"], "services llm, rag_api"), (["rag_api=/no/such.in"], "no file that ends"),
     (["rag_api"], "is no lock of ours"), ([], "has no locks yet")],
)
def test_what_cannot_be_locked_is_told(words, said, tmp_path):
    run = CliRunner().invoke(main, ["lock", *words, "--into", str(tmp_path)])
    assert run.exit_code == 2 and said in run.output
