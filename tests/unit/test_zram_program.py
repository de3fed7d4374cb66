"""The program that asks zram-generator, with a generator of the test's own in its place.

The real ones of three Debian releases are asked in tests/lab/test_zram_generator.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from xnai.facts.machine.generator import parsed, question
from xnai.programs.zram import host as program

OURS = ("etc/systemd/zram-generator.conf.d/90-xnai.conf", "[zram0]\nzram-size = 1000\n")
WANTED = {"zram0": "swap of 1000 MiB, priority 100"}
# Makes zram0 of the last zram-size among all files, fails where one has "bad", and makes zram1
# where one has that section.
GENERATOR = r"""#!/bin/sh
cd "$ZRAM_GENERATOR_ROOT" || exit 9
all=$(for d in usr/lib usr/local/lib etc run; do for f in "$d"/systemd/*.conf \
  "$d"/systemd/zram-generator.conf.d/*.conf; do [ ! -f "$f" ] || cat "$f"; done; done)
case $all in *bad*) printf 'Error: in the file\n\nCaused by:\n    bad\n' >&2; exit 1;;
*slow*) exec sleep 60;; esac
size=$(printf '%s\n' "$all" | sed -n 's/^zram-size = //p' | tail -n 1)
pri=$(printf '%s\n' "$all" | sed -n 's/^options = //p' | tail -n 1)
unit() { printf '[Swap]\nWhat=/dev/%s\nPriority=100\nOptions=%s\n' "$1" "$pri" \
  > "$2/dev-$1.swap"; echo "Creating unit file dev-$1.swap (/dev/$1 with $3MB)"; }
unit zram0 "$1" "$size"
case $all in *'[zram1]'*) unit zram1 "$1" 7;; esac
"""


@pytest.fixture
def generator(tmp_path):
    path = tmp_path / "generator"
    path.write_text(GENERATOR)
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def host(tmp_path):
    """A host's root, with nothing of zram's."""
    root = tmp_path / "host"
    (root / "proc").mkdir(parents=True)
    (root / "proc" / "meminfo").write_text("MemTotal: 1 kB\n")
    (root / "proc" / "cmdline").write_text("quiet\n")
    return root


def put(host, name, text):
    path = host / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def asked(generator, host, tmp_path):
    copies = tmp_path / f"copies{len(list(tmp_path.iterdir()))}"
    copies.mkdir()
    return program.ask(program.Trial(generator, copies, OURS, host))


def test_ours_alone(generator, host, tmp_path):
    put(host, OURS[0], "what it was before\n")
    answer = asked(generator, host, tmp_path)
    assert answer["wanted"] == answer["found"] == WANTED
    assert answer["blamed"] == [] and answer["whole"]


@pytest.mark.parametrize(
    ("name", "text", "blamed"),
    [
        ("etc/systemd/zram-generator.conf", "[zram0]\nzram-size = 5\n", []),
        ("run/systemd/zram-generator.conf.d/95-a.conf", "[zram0]\nzram-size = 5\n",
         [(2, "zram-size = 5", {"zram0": "swap of 5 MiB, priority 100"}, "")]),
        # What a later line makes good is none to blame.
        ("run/systemd/zram-generator.conf.d/95-a.conf", "zram-size = 5\nzram-size = 1000\n[zram1]",
         [(3, "[zram1]", WANTED | {"zram1": "swap of 7 MiB, priority 100"}, "")]),
        ("etc/systemd/zram-generator.conf.d/10-a.conf", "# fine\noptions = x,pri=5\n",
         [(2, "options = x,pri=5", {"zram0": "swap of 1000 MiB, priority 5"}, "")]),
        ("etc/systemd/zram-generator.conf.d/10-a.conf", "fine\nbad\nbad too\n",
         [(2, "bad", {}, "in the file Caused by: bad"),
          (3, "bad too", {}, "in the file Caused by: bad")]),
    ],
)
def test_the_line_to_blame(name, text, blamed, generator, host, tmp_path):
    put(host, name, text)
    found = asked(generator, host, tmp_path)["blamed"]
    assert [(one["line"], one["text"], one["with"], one["said"]) for one in found] == blamed
    assert {one["path"] for one in found} <= {f"/{name}"}


def test_what_is_no_plain_file_is_told_and_not_read(generator, host, tmp_path):
    folder = host / "etc/systemd/zram-generator.conf.d"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "10-pipe.conf")
    (folder / "20-masked.conf").symlink_to("/dev/null")
    (folder / "30-large.conf").write_text("#" * (program.MOST_BYTES + 1))
    answer = asked(generator, host, tmp_path)
    assert answer["found"] == WANTED
    assert answer["unread"] == [
        "/etc/systemd/zram-generator.conf.d/10-pipe.conf",
        "/etc/systemd/zram-generator.conf.d/30-large.conf",
    ]


def test_a_generator_that_hangs_is_ended_and_not_asked_for_ever(
    generator, host, tmp_path, monkeypatch
):
    clock = [0.0]
    really = subprocess.run

    def run(words, env, timeout, **how):
        root = Path(env["ZRAM_GENERATOR_ROOT"])
        if "slow" in "".join(path.read_text() for path in root.rglob("*.conf")):
            clock[0] += timeout
            raise subprocess.TimeoutExpired(words, timeout)
        return really(words, env=env, timeout=60, **how)

    monkeypatch.setattr(program.subprocess, "run", run)
    monkeypatch.setattr(program.time, "monotonic", lambda: clock[0])
    put(host, "etc/systemd/zram-generator.conf.d/10-a.conf", "slow\n" * 50)
    answer = asked(generator, host, tmp_path)
    assert answer["found"] == {} and not answer["whole"]
    assert "no answer within" in answer["said"]


def test_the_whole_program_prints_what_we_read(generator, host):
    put(host, "etc/systemd/zram-generator.conf.d/99-b.conf", "zram-size = 2\n")
    done = subprocess.run(
        [sys.executable, "-I", program.__file__, f"/{OURS[0]}", OURS[1], generator, str(host)],
        capture_output=True, text=True, check=True,
    )
    answer = parsed(done.stdout)
    assert answer.state == "asked" and answer.generator == generator
    assert [one.place for one in answer.blamed] == [
        "/etc/systemd/zram-generator.conf.d/99-b.conf:1"
    ]


def test_a_masked_generator(host, tmp_path):
    link = tmp_path / "zram-generator"
    link.symlink_to("/dev/null")
    done = subprocess.run(
        [sys.executable, "-I", program.__file__, *OURS, str(link), str(host)],
        capture_output=True, text=True, check=True,
    )
    answer = parsed(done.stdout)
    assert (answer.state, answer.generator) == ("masked", str(link))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"generator": "x"}', "not json", "null"])
def test_no_answer_is_unknown(text):
    assert parsed(text).state == "unknown"


def test_the_question_is_shell_that_a_host_takes(tmp_path):
    """dash reads it whole; where no other file has anything to say nothing is asked."""
    code = question(f"/{OURS[0]}", OURS[1])
    subprocess.run(["sh", "-n", "-c", code], check=True)
    here = code.replace("/run /etc /usr/local/lib /usr/lib", str(tmp_path))
    assert str(tmp_path) in here
    put(tmp_path, "systemd/zram-generator.conf", "# Debian's\n\n[zram0]\n")
    done = subprocess.run(["sh", "-c", here], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"state": "alone"}


def test_the_program_needs_nothing_of_ours():
    assert "xnai" not in "".join(
        line for line in Path(program.__file__).read_text().splitlines() if "import" in line
    )
