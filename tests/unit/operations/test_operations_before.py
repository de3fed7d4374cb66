"""record.write: the record is put in place whole, once."""

from __future__ import annotations

import pytest
from operation_runs import commands, on_a_host, really_run

from xnai.operations import record
from xnai.record.baseline import DIRECTORY


def write(tmp_path, text, **arguments):
    """Really do it, in a directory of the test's own."""
    with on_a_host(executing=False):
        found = commands(record.write, text=text, **arguments)
    for command in found:
        really_run(command, lambda text: text.replace(DIRECTORY, str(tmp_path)))


def test_it_is_written_once_and_roots_alone(tmp_path):
    write(tmp_path, "first\n")
    write(tmp_path, "second\n")
    record = tmp_path / "before.json"
    assert record.read_text() == "first\n"
    assert record.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["before.json"]


@pytest.mark.parametrize("there", [True, False])
def test_one_that_adds_takes_its_place(tmp_path, there):
    if there:
        write(tmp_path, "first\n")
    write(tmp_path, "more\n", over=True)
    assert (tmp_path / "before.json").read_text() == "more\n"
