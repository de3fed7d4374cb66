"""When a lab machine's stack counts as healthy."""

from __future__ import annotations

import subprocess

import pytest

from xnai.lab.health import CONTAINERS, all_healthy

WELL = [f"xnai_{number} Up About a minute (healthy)" for number in range(CONTAINERS)]


class Told:
    """A machine of which one answer is known."""

    def __init__(self, lines):
        self.lines = lines

    def run(self, *_, **__):
        return subprocess.CompletedProcess([], 0, "\n".join(self.lines) + "\n", "")


@pytest.mark.parametrize(
    ("lines", "healthy"),
    [
        (WELL, True),
        (WELL[1:], False),
        ([*WELL, "xnai_more Up 2 seconds (healthy)"], False),
        ([*WELL[1:], "xnai_0 Up 2 seconds (starting)"], False),
        ([*WELL[1:], "xnai_0 Exited (137) 2 seconds ago (healthy)"], False),
        ([""], False),
    ],
)
def test_all_nine_run_and_are_healthy(lines, healthy):
    assert all_healthy(Told(lines)) == healthy
