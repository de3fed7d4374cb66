"""The library from the controller: files in, again, killed midway, asked, and out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import pytest

from xnai.lab.deploying import ROOT, environment, xnai_argv

pytestmark = pytest.mark.lab

NOTES = 120


def xnai(machine, *words, check=True):
    done = subprocess.run(
        xnai_argv(*words), cwd=ROOT, env=environment(machine), capture_output=True, text=True,
        check=False,
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def listed(machine):
    (documents,) = json.loads(xnai(machine, "library", "list", "--json").stdout).values()
    return documents


@pytest.fixture
def notes(deployed, tmp_path):
    """A folder of notes, some bad files, and a link; nothing of it is left in the library."""
    folder = tmp_path / "notes"
    folder.mkdir()
    for number in range(NOTES):
        (folder / f"{number}.md").write_text(
            f"# Note {number}\n\nThe locker of visitor {number} opens with {number * 37 + 1000}.\n"
        )
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(64))
    (folder / "etc").symlink_to("/etc")
    (folder / "huge.txt").touch()
    os.truncate(folder / "huge.txt", 2 << 30)
    yield folder
    documents = listed(deployed)
    mine = [one for one in documents if one["source"].startswith(str(folder))]
    if mine:
        xnai(deployed, "library", "remove", "--yes", str(folder))
        assert len(listed(deployed)) == len(documents) - len(mine)


def test_a_run_that_was_killed_is_gone_on_with_and_the_library_is_asked(deployed, notes):
    process = subprocess.Popen(
        xnai_argv("ingest", str(notes)), cwd=ROOT, env=environment(deployed),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )
    time.sleep(8)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()

    done = xnai(deployed, "ingest", str(notes), check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    print(f"\n{done.stdout}{done.stderr}")
    said = {line.partition("not taken: ")[2] for line in done.stderr.splitlines()}
    for name, why in (
        ("etc", "it is a link; name what it points to"),
        ("huge.txt", "it is longer than 32 MiB (2147483648 bytes; rag_api_max_file_mib)"),
        ("picture.png", "it is binary; read are PDF, HTML, Markdown, text, and Office files of "
                        "2007 and later"),
    ):
        assert f"{notes / name}: {why}" in said
    mine = [one for one in listed(deployed) if one["source"].startswith(str(notes))]
    assert sorted(one["source"] for one in mine) == sorted(
        str(notes / f"{number}.md") for number in range(NOTES)
    )

    answer = xnai(deployed, "ask", "What opens the locker of visitor 77?").stdout
    print(answer)
    assert "The locker of visitor 77 opens with 3849. [1]" in answer
    assert f"[1] 77.md: Note 77 ({notes / '77.md'})" in answer

    # One changed file is sent, and replaces what it was.
    (notes / "77.md").write_text("# Note 77\n\nThe locker of visitor 77 opens with 11.\n")
    done = xnai(deployed, "ingest", str(notes / "77.md"), str(notes / "76.md"))
    assert "1 taken (1 passages), 1 unchanged, 0 not taken" in done.stdout
    shown = xnai(deployed, "library", "show", str(notes / "77.md")).stdout
    assert "opens with 11." in shown and "3849" not in shown


def test_addresses_go_to_the_crawler_within_its_own_limits(deployed):
    done = xnai(deployed, "ingest", "https://not-allowed.example/", check=False)
    assert done.returncode == 1
    assert "not taken: https://not-allowed.example/: " in done.stderr
    assert "not allowed" in done.stderr


def test_what_cannot_be_meant_changes_nothing(deployed, tmp_path):
    before = listed(deployed)
    done = xnai(deployed, "ingest", str(tmp_path / "none.md"), check=False)
    assert done.returncode == 2 and "no file or directory" in done.stderr
    done = xnai(deployed, "library", "remove", "--yes", "nothing-of-that-name", check=False)
    assert done.returncode == 2 and "no document" in done.stderr
    done = xnai(deployed, "library", "remove", "nothing", check=False)
    assert done.returncode == 2 and "--yes is needed" in done.stderr
    done = xnai(deployed, "ask", "Why?", "--host", "nobody", check=False)
    assert done.returncode == 2 and "the inventory has" in done.stderr
    assert listed(deployed) == before
