"""Every rendered Dockerfile before hadolint; and whatever the settings are, its parser."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from unit_settings import make

from xnai.settings.model import Settings
from xnai.stack.catalogue import dockerfiles

HADOLINT = Path(sys.executable).parent / "hadolint"


def findings(directory: Path, texts: dict[str, str]) -> list[dict[str, object]]:
    """What hadolint finds in a batch of Dockerfiles, by one call."""
    for name, text in texts.items():
        (directory / name).write_text(text)
    done = subprocess.run(
        [str(HADOLINT), "--no-color", "--format", "json", *texts],
        cwd=directory, capture_output=True, text=True, check=False,
    )
    found: list[dict[str, object]] = json.loads(done.stdout)
    return found


def test_it_does_find_something(tmp_path):
    (found,) = findings(tmp_path, {"Dockerfile": "FROM python:latest\n"})
    assert found["code"] == "DL3007"
    (found,) = findings(tmp_path, {"Dockerfile": "FROM\n"})
    assert found["code"] == "DL1000"


@pytest.mark.parametrize(
    "settings",
    [
        make(),
        make(base_image="docker.io/library/python:3.13-slim"),
        make(
            base_image="docker.io/library/python:3.13-slim", awq_image=True,
            wheelhouse_dir="/srv/wheels", package_index_url=None,
            extra_ca_certificates=[
                str(Path(__file__).parents[1] / "unit/golden/Corp CA (2026).pem")
            ],
        ),
    ],
    ids=["python 3.12", "python 3.13", "offline, with a proxy's authority"],
)
def test_nothing_is_found(tmp_path, settings):
    assert findings(tmp_path, dockerfiles(settings)) == []


def test_an_exception_has_its_reason_above_it():
    for name, text in dockerfiles(make()).items():
        lines = text.splitlines()
        for number, line in enumerate(lines):
            if "hadolint ignore" in line:
                assert re.fullmatch(r"# hadolint ignore=DL\d{4}", line), name
                assert lines[number - 1].startswith("# "), name


NAMES = st.from_regex(r"[a-z][a-z0-9]{0,19}", fullmatch=True).filter(
    lambda name: name not in {"true", "false", "yes", "no", "on", "off", "null"}
)
PATHS = st.from_regex(r"(/[A-Za-z0-9._+-]{1,10}){1,4}", fullmatch=True).filter(
    lambda path: ".." not in path.split("/")
)
WORDS = st.lists(
    st.text(st.characters(blacklist_characters="\0\n", blacklist_categories=["Cs"])), max_size=4
)
PACKAGES = st.lists(st.from_regex(r"[a-z0-9][a-z0-9+.-]{1,20}", fullmatch=True), max_size=3)
SOURCES = Path(__file__).resolve().parents[2]


@st.composite
def any_settings(draw: st.DrawFn) -> Settings:
    """Any settings that change a Dockerfile."""
    source = {
        "context": str(SOURCES), "copy": ["xnai", "deploy.py"],
        "requirements": "files/podman-compose/requirements.txt",
        "command": draw(WORDS), "apt_packages": draw(PACKAGES),
    }
    return make(
        stack_name=draw(NAMES),
        base_image=draw(st.sampled_from(["docker.io/library/python:3.12-slim",
                                         "registry.example:5000/a/python:3.13.1-slim-trixie",
                                         f"quay.io/x/base:1@sha256:{'0' * 64}"])),
        container_uid=draw(st.integers(1, 65000)),
        container_gid=draw(st.integers(1, 65000)),
        package_index_url=draw(st.sampled_from([None, "https://a.example/b?c=d&e=;f#g"])),
        wheelhouse_dir=draw(st.none() | PATHS),
        service_sources=draw(
            st.dictionaries(st.sampled_from(["rag_api", "llm", "crawler"]), st.just(source))
        ),
    )


@effort(max_examples=15, deadline=None)
@given(st.lists(any_settings(), min_size=3, max_size=3))
def test_whatever_the_settings_the_parser_accepts_it(tmp_path_factory, some):
    texts = {
        f"{number}-{name}": text
        for number, settings in enumerate(some) for name, text in dockerfiles(settings).items()
    }
    found = findings(tmp_path_factory.mktemp("any"), texts)
    # DL1000 is "could not be parsed"; a style that only odd settings break is no matter here.
    assert [f for f in found if f["code"] == "DL1000" or f["level"] == "error"] == []
