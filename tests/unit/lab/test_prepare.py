"""What took how long is told truly, and remembered for the next run."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import pytest

from xnai.lab.prepare import Timings, remember, remembered
from xnai.lab.progress import Lines


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "cache/xnai/lab").mkdir(parents=True)


def test_the_critical_path_is_the_longest_of_what_ran_at_once_and_then_the_rest() -> None:
    timings = Timings({"kernel": 415.2, "image": 203.0, "deploy": 300.0, "boot": 9.0})
    assert timings.critical_path(("kernel", "image"), ("boot", "deploy", "host tests")) == (
        "kernel 415 s -> boot 9 s -> deploy 300 s"
    )
    assert Timings().critical_path(("kernel",), ("boot",)) == ""


def test_a_part_that_fails_is_measured_too() -> None:
    timings = Timings()
    with pytest.raises(RuntimeError), timings.of("kernel"):
        raise RuntimeError
    assert set(timings.parts_s) == {"kernel"}


def test_the_last_run_of_its_kind_is_remembered() -> None:
    assert remembered("first") is None
    remember("first", 900.04)
    remember("again", 100)
    remember("first", 800)
    assert (remembered("first"), remembered("again")) == (800, 100)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


def test_a_terminal_shows_all_steps_that_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xnai.lab.progress.QUIET_SECONDS", 0.01)
    monkeypatch.setenv("COLUMNS", "200")
    stream = Terminal()
    lines = Lines(stream)
    seen = threading.Event()

    def other() -> None:
        with lines.step("image"):
            seen.wait(5)

    thread = threading.Thread(target=other)
    with lines.step("kernel"):
        thread.start()
        while "kernel … 0 s; image … 0 s" not in stream.getvalue():
            threading.Event().wait(0.01)
        seen.set()
        thread.join()
    assert "image: done after" in stream.getvalue()
    assert "kernel: done after" in stream.getvalue()


def test_without_a_terminal_each_step_has_lines_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("xnai.lab.progress.QUIET_SECONDS", 0.0)
    stream = io.StringIO()
    lines = Lines(stream)
    with lines.step("kernel"), lines.step("image"):
        pass
    assert "\r" not in stream.getvalue()
    assert stream.getvalue().splitlines()[-1].startswith("  kernel: done after 0.")
