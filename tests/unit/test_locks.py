"""Every lock against the requirements that it was made of."""

from __future__ import annotations

import re
import runpy

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from unit_settings import ROOT

from xnai.images.locks import unlocked

SOURCES = sorted((ROOT / "files").rglob("requirements.in"))
NAMES = [str(path.parent.relative_to(ROOT / "files")) for path in SOURCES]
PYTHONS = ("3.11", "3.12", "3.13")


def lines(text: str) -> list[str]:
    """The requirements in a file, without comments and hashes."""
    joined = re.sub(r"\\\n\s*", " ", text)
    found = (re.sub(r"(^|\s)#.*", "", line).split(" --hash=")[0] for line in joined.splitlines())
    return [line.strip() for line in found if line.strip()]


@pytest.mark.parametrize("source", SOURCES, ids=NAMES)
def test_a_lock_satisfies_its_source(source):
    locked = [Requirement(line) for line in lines(source.with_suffix(".txt").read_text("utf-8"))]
    for wanted in (Requirement(line) for line in lines(source.read_text("utf-8"))):
        for python in PYTHONS:
            environment = {
                "python_version": python, "python_full_version": f"{python}.0",
                "sys_platform": "linux", "platform_system": "Linux", "os_name": "posix",
            }
            if wanted.marker and not wanted.marker.evaluate(environment):
                continue
            (found,) = [
                item for item in locked
                if canonicalize_name(item.name) == canonicalize_name(wanted.name)
                and (item.marker is None or item.marker.evaluate(environment))
            ]
            (pin,) = found.specifier
            assert wanted.specifier.contains(Version(pin.version), prereleases=True), found


@pytest.mark.parametrize("source", SOURCES, ids=NAMES)
def test_a_lock_has_a_version_and_a_hash_for_everything(source):
    path = source.with_suffix(".txt")
    assert unlocked(path, path.read_text("utf-8")) == []


def test_a_source_that_its_lock_does_not_satisfy_is_seen(tmp_path):
    (tmp_path / "requirements.in").write_text("redis>=9\n")
    (tmp_path / "requirements.txt").write_text("redis==8.1.0 --hash=sha256:aa\n")
    with pytest.raises(AssertionError, match=r"redis==8\.1\.0"):
        test_a_lock_satisfies_its_source(tmp_path / "requirements.in")


def test_make_lock_passes_a_services_own_options():
    command = runpy.run_path(str(ROOT / ".ci/lock.py"))["command"]
    words = command(ROOT / "files/services/llm/requirements.in")
    assert "--no-deps" in words and "--generate-hashes" in words
    assert words[-3:] == [
        "files/services/llm/requirements.in", "-o", "files/services/llm/requirements.txt",
    ]
