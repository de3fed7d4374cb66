"""The framing of sections, files as digests, and Podman's JSON: as properties and by examples."""

from __future__ import annotations

import hashlib
import json
import shlex
import subprocess

import pytest
from fact_fixtures import SHELLS
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from xnai.facts.podman import StoreImage, parse_containers, parse_images
from xnai.facts.sections import (
    FileState,
    file_difference,
    file_states,
    parse_file_states,
    script,
    split,
)

NAMES = st.from_regex(r"[a-z]{1,8}", fullmatch=True).filter(lambda name: name != "end")
LINES = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), max_size=12
).filter(lambda line: not line.startswith("@@ "))
SECTIONS = st.dictionaries(NAMES, st.lists(LINES, max_size=4), max_size=5)


def framed(sections: dict[str, list[str]]) -> list[str]:
    """The lines that a script with these answers prints."""
    return [
        line for name, lines in sections.items() for line in (f"@@ {name}", *lines)
    ] + ["@@ end"]


@effort(max_examples=50, deadline=None)
@given(SECTIONS, st.lists(LINES, max_size=2))
def test_framing_round_trip(sections, chatter):
    assert split([*chatter, *framed(sections)]) == sections | {"end": []}


@effort(max_examples=50, deadline=None)
@given(SECTIONS, st.integers(0, 30))
def test_a_section_that_may_be_cut_is_missing(sections, count):
    lines = framed(sections)[:count]
    found = split(lines)
    for name, content in found.items():
        assert name == "end" or content == sections[name]


@effort(max_examples=8, deadline=None)
@given(SECTIONS)
def test_framing_through_a_real_shell(sections):
    text = script(
        {
            name: "\n".join(f"printf '%s\\n' {shlex.quote(line)}" for line in lines) or ":"
            for name, lines in sections.items()
        }
    )
    done = subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=True)
    assert split(done.stdout.splitlines()) == sections | {"end": []}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_part_that_fails_is_empty_and_the_next_one_runs(shell):
    text = script({"one": "no-such-program", "two": "ls /no/such", "three": "echo here"})
    done = subprocess.run([shell, "-c", text], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert split(done.stdout.splitlines()) == {"one": [], "two": [], "three": ["here"], "end": []}


HOSTILE = ["plain", "with space", "it's $(id) `id`", '"quoted"', "-n", "ünï", "a;b&c|d"]


@pytest.mark.parametrize("shell", SHELLS)
def test_files_with_hostile_names(tmp_path, shell):
    for name in HOSTILE:
        (tmp_path / name).write_text(name)
        (tmp_path / name).chmod(0o640)
    (tmp_path / "link").symlink_to(tmp_path / "plain")
    (tmp_path / "directory").mkdir()
    paths = [str(tmp_path / name) for name in [*HOSTILE, "link", "directory", "absent"]]
    done = subprocess.run(
        [shell, "-c", file_states(paths)], capture_output=True, text=True, check=True
    )
    found = parse_file_states(done.stdout.splitlines())
    assert set(found) == {str(tmp_path / name) for name in [*HOSTILE, "link", "directory"]}
    # What is no plain file is neither one nor absent, and its content is nothing to compare.
    kinds = {name: found[str(tmp_path / name)] for name in ("link", "directory")}
    assert kinds == {
        "link": FileState("", "", "", "", "link"), "directory": FileState("", "", "", "", "other"),
    }
    for name in HOSTILE:
        state = found[str(tmp_path / name)]
        assert state.sha256 == hashlib.sha256(name.encode()).hexdigest()
        assert state.mode == "0640"
        assert (state.owner, state.group) == ((tmp_path / name).owner(), (tmp_path / name).group())


def test_no_files_asked_for():
    assert file_states([]) == ":"
    assert parse_file_states(["", "half a line"]) == {}


SAME = FileState(hashlib.sha256(b"x\n").hexdigest(), "0644", "root", "root")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (None, "absent"),
        (FileState("", "", "", "", "link"), "a link"),
        (FileState("", "", "", "", "other"), "no plain file"),
        (SAME, ""),
        (FileState("0" * 64, "0644", "root", "root"), "content"),
        (FileState(SAME.sha256, "0600", "root", "root"), "mode 0600 -> 0644"),
        (FileState(SAME.sha256, "0644", "me", "me"), "owner me:me -> root:root"),
        (FileState("0" * 64, "0777", "me", "root"),
         "content, mode 0777 -> 0644, owner me:root -> root:root"),
    ],
)
def test_file_difference(state, said):
    assert file_difference(state, "x\n") == said


WORDS = st.text(max_size=8)
SECRETS = st.lists(
    st.fixed_dictionaries({"Name": WORDS, "ID": WORDS}, optional={"UID": st.integers(0, 99)}),
    max_size=3,
    unique_by=lambda entry: entry["Name"],
)
LABELS = st.dictionaries(st.sampled_from(["io.xnai.config", "io.xnai.stack", "odd"]), WORDS)
HEALTH = st.fixed_dictionaries(
    {"Status": st.sampled_from(["healthy", "unhealthy", "starting", ""])},
    optional={"Log": st.none()},
)
HOST_CONFIG = st.fixed_dictionaries(
    {},
    optional={
        "Memory": st.integers(0, 1 << 40), "MemorySwap": st.integers(-1, 1 << 40),
        "PortBindings": st.none() | st.just({"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}),
        "SecurityOpt": st.none() | st.lists(WORDS), "Tmpfs": st.none() | st.just({"/tmp": "rw"}),
        "RestartPolicy": st.none() | st.just({}) | st.just({"Name": "always"}),
        "OomScoreAdj": st.none() | st.integers(-1000, 1000),
    },
)
ENTRIES = st.lists(
    st.fixed_dictionaries(
        {
            "Id": st.from_regex("[0-9a-f]{8}", fullmatch=True),
            "HostConfig": HOST_CONFIG,
            "Name": st.text(min_size=1, max_size=8),
            "State": st.fixed_dictionaries(
                {"Status": st.sampled_from(["created", "running", "exited", "paused", "stopped"])},
                optional={"Health": st.none() | HEALTH, "ExitCode": st.integers(0, 255)},
            ),
            "Config": st.fixed_dictionaries(
                {}, optional={"Labels": st.none() | LABELS, "Secrets": st.none() | SECRETS}
            ),
        },
        optional={"RestartCount": st.integers(0, 9) | st.none(), "Mounts": st.just([])},
    ),
    max_size=4,
    unique_by=lambda entry: entry["Name"],
)


@effort(max_examples=50, deadline=None)
@given(ENTRIES)
def test_whatever_podman_inspects_is_read(entries):
    found = parse_containers(json.loads(json.dumps(entries)), {})
    assert list(found) == [entry["Name"] for entry in entries]
    for entry in entries:
        container = found[entry["Name"]]
        state, labels = entry["State"], entry["Config"].get("Labels") or {}
        health = (state.get("Health") or {"Status": ""})["Status"]
        assert (container.name, container.state) == (entry["Name"], state["Status"])
        assert container.health == health
        assert container.config == labels.get("io.xnai.config", "")
        assert container.stack == labels.get("io.xnai.stack", "")
        secrets = entry["Config"].get("Secrets") or []
        assert container.secrets == {item["Name"]: item["ID"] for item in secrets}
        assert container.exit_code == state.get("ExitCode", 0)
        assert container.restarts == (entry.get("RestartCount") or 0)
        assert container.is_up == (
            state["Status"] == "running" and health not in {"unhealthy", "starting"}
        )


def test_images_of_ours_and_of_others():
    found = parse_images(
        [
            {
                "Id": "a1", "Names": ["localhost/xnai_base:ae35", "localhost/x:1"], "Created": 7,
                "Labels": {"io.xnai.content": "ae3596", "maintainer": "somebody"},
                "RepoDigests": ["localhost/xnai_base@sha256:b2"], "Containers": 2,
            },
            {"Id": "a2", "Names": None, "Labels": None, "RepoDigests": None, "Created": 8},
        ]
    )
    assert found == (
        StoreImage(
            "a1", ("localhost/xnai_base:ae35", "localhost/x:1"), ("sha256:b2",), 7, 2,
            {"io.xnai.content": "ae3596"},
        ),
        StoreImage("a2", (), (), 8, 0, {}),
    )


def test_a_section_that_comes_again_is_not_counted():
    lines = ["@@ files", "one", "@@ images", "two", "@@ files", "three", "@@ end"]
    assert split(lines) == {"files": ["one"], "images": ["two"], "end": []}
