"""The framing of sections, files as digests, and Podman's JSON: as properties and by examples."""

from __future__ import annotations

import hashlib
import json
import shlex
import subprocess
from datetime import UTC, datetime

import pytest
from fact_fixtures import SHELLS
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from xnai.facts.podman import parse_containers, parse_time
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
    assert set(found) == {str(tmp_path / name) for name in HOSTILE}
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


PORTS = st.fixed_dictionaries(
    {
        "host_ip": st.sampled_from(["", "127.0.0.1", "::1"]),
        "container_port": st.integers(1, 65000),
        "host_port": st.integers(1, 65000),
        "range": st.integers(1, 3),
        "protocol": st.sampled_from(["tcp", "udp"]),
    }
)
ENTRIES = st.lists(
    st.fixed_dictionaries(
        {
            "Names": st.text(min_size=1, max_size=8).map(lambda name: [name]),
            "State": st.sampled_from(["created", "running", "exited", "paused", "stopped"]),
            "Status": st.sampled_from(
                ["Up 3 seconds", "Up 2 minutes (healthy)", "Up 1 second (starting)",
                 "Up 5 days (unhealthy)", "Exited (1) 2 minutes ago", "Created", ""]
            ),
            "Image": st.text(max_size=8),
            "Labels": st.none() | st.dictionaries(st.just("io.xnai.config"), st.text(max_size=4)),
            "Created": st.integers(0, 1 << 33),
            "ExitCode": st.integers(0, 255),
            "Ports": st.none() | st.lists(PORTS, max_size=3),
        },
        optional={"Restarts": st.integers(0, 9) | st.none(), "Pid": st.integers(0, 99)},
    ),
    max_size=4,
    unique_by=lambda entry: entry["Names"][0],
)


@effort(max_examples=50, deadline=None)
@given(ENTRIES)
def test_whatever_podman_lists_is_read(entries):
    found = parse_containers(json.dumps(entries))
    assert list(found) == [entry["Names"][0] for entry in entries]
    for entry in entries:
        container = found[entry["Names"][0]]
        assert container.created.timestamp() == entry["Created"]
        assert container.config == (entry["Labels"] or {}).get("io.xnai.config", "")
        assert len(container.ports) == sum(port["range"] for port in entry["Ports"] or [])
        assert all(address for address, _, _ in container.ports)
        assert container.is_up == (
            container.state == "running" and "unhealthy" not in entry["Status"]
            and "starting" not in entry["Status"]
        )


def test_podmans_two_ways_to_write_a_time():
    wanted = datetime(2026, 11, 22, 12, 18, 5, tzinfo=UTC)
    assert parse_time(1795349885) == wanted
    assert parse_time("2026-11-22T13:18:05.000000000+01:00") == wanted
    assert parse_time("2026-11-22T12:18:05.510403998Z").replace(microsecond=0) == wanted
