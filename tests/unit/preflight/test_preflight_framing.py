"""What a host sends arrives unchanged, whatever bytes it has, and rubbish between is no harm."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from preflight_frames import frame, lines, plain
from preflight_hosts import CASES

from xnai.facts.machine import shell
from xnai.facts.machine.model import PreflightFacts
from xnai.facts.machine.parse import parse
from xnai.facts.machine.records import records

FIELD = st.binary().map(lambda data: data.replace(b"\0", b""))


@settings(max_examples=60, deadline=None)
@given(st.lists(FIELD, min_size=1))
def test_any_bytes_round_trip(fields):
    (record,) = records([frame("kind", "ok", *fields)])
    assert [field.encode("utf-8", "surrogateescape") for field in record.fields] == fields


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text()))
def test_other_lines_are_left_out(noise):
    good = plain("self", "ok", "0", "root")
    found = records([*noise, good, *noise])
    assert [r for r in found if r.kind == "self"] == records([good])


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_a_torn_answer_never_raises(data):
    whole = "\n".join(lines(CASES / "ubuntu2404_desktop"))
    end = data.draw(st.integers(0, len(whole)))
    parse(whole[:end].splitlines())


def test_nothing_told_is_unknown():
    assert parse([]) == PreflightFacts()
    assert parse(["sudo: a password is required"]) == PreflightFacts()


@pytest.mark.parametrize("program", ["sh", "dash", "bash"])
def test_the_shell_frames_any_file_and_path(tmp_path, program):
    every_byte = bytes(range(256)) * 3
    files = {
        tmp_path / "a b\tc\nd.conf": every_byte,
        tmp_path / "empty.conf": b"",
        tmp_path / "no newline.conf": b"vm.swappiness=1",
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff$(touch x)`id`'\".conf")): b"x\n",
    }
    for path, content in files.items():
        path.write_bytes(content)
    (tmp_path / "link.conf").symlink_to("empty.conf")
    (tmp_path / "null.conf").symlink_to("/dev/null")
    (tmp_path / "dangling.conf").symlink_to("nowhere")
    os.mkfifo(tmp_path / "fifo.conf")
    script = shell.HELPERS + 'files sysctl "$1" .conf\nput x ok "$2"\n'
    argument = "a'b \\ \" $HOME * é"
    done = subprocess.run(
        [program, "-c", script, "sh", str(tmp_path), argument], capture_output=True, check=True
    )
    found = records(done.stdout.decode().splitlines())
    told = {r.field(0): "\0".join(r.fields[2:]) for r in found if r.state == "ok"}
    for path, content in files.items():
        assert told[str(path)].encode("utf-8", "surrogateescape") == content
    targets = {r.field(0): r.field(1) for r in found}
    assert targets[str(tmp_path / "link.conf")] == str(tmp_path / "empty.conf")
    assert targets[str(tmp_path / "null.conf")] == "/dev/null"
    assert [r.state for r in found if r.field(0).endswith("dangling.conf")] == ["absent"]
    assert not any(r.field(0).endswith("fifo.conf") for r in found)
    assert found[-1].field(0) == argument
