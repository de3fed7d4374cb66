"""What is said of a machine that does not answer."""

from __future__ import annotations

from xnai.lab import ssh


def test_a_kernel_that_died_is_told_with_its_words(tmp_path):
    console = tmp_path / "console.log"
    console.write_text("booting\nKernel panic - not syncing: Segfault with no mm\nCPU: 1 PID: 2\n")
    assert ssh.panic(console) == (
        f"its kernel died (Kernel panic - not syncing: Segfault with no mm): read {console}"
    )


def test_a_kernel_that_lives_says_nothing(tmp_path):
    console = tmp_path / "console.log"
    assert ssh.panic(console) == ""
    console.write_text("login:\n")
    assert ssh.panic(console) == ""
