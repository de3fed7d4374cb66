"""What cannot go on fails its own host and says why; what must not run at once does not."""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest
from operation_runs import on_a_host
from pyinfra.api.exceptions import OperationError

from xnai.operations.guard import failing_operation, one_at_a_time
from xnai.remote.lease_code import DIRECTORY, LOCK


@failing_operation
def half(words: str):
    yield "true"
    raise OperationError(words)


def test_the_reason_is_printed_by_a_command_that_fails():
    reason = "it's \"broken\"\n  $(second) line"
    body = half.__wrapped__  # pyinfra keeps what it decorates
    with on_a_host():
        commands = list(body(reason))
    assert commands[0] == "true"
    done = subprocess.run(
        ["sh", "-c", str(commands[1])], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", reason + "\n")


@failing_operation
def strange():
    yield "true"
    raise KeyError("name")


def test_what_nobody_foresaw_fails_its_own_host_too():
    with on_a_host():
        commands = list(strange.__wrapped__())
    done = subprocess.run(
        ["sh", "-c", str(commands[1])], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "unexpected, and a fault of xnai's: KeyError: 'name'\n"


def test_the_undecorated_function_stays_reachable():
    assert half._inner is half.__wrapped__.__wrapped__


EACH_SHELL = pytest.mark.parametrize("shell", ["sh", "dash", "bash"])


def guarded(tmp_path: Path, command: str, wait_s: str = "20") -> str:
    """The shell code with a lock of the test's own and less patience."""
    text = one_at_a_time(command)
    assert text.count(f"flock -o -w 300 -E 75 {LOCK} ") == 1
    return text.replace(DIRECTORY, str(tmp_path)).replace("-w 300 ", f"-w {wait_s} ")


def run(shell: str, text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [shell, "-c", text], capture_output=True, text=True, check=False, timeout=30
    )


def until(what) -> None:
    """Wait for what a process does in its own time."""
    for _ in range(500):
        if what():
            return
        time.sleep(0.02)
    pytest.fail("waited in vain")


def test_nobody_else_can_open_the_lock_and_so_hold_it(tmp_path):
    assert LOCK == "/run/xnai/lock"
    assert not Path("/run").stat().st_mode & stat.S_IWOTH
    here = one_at_a_time("true").replace(DIRECTORY, f"{tmp_path}/xnai")
    subprocess.run(["sh", "-c", f"umask 022; {here}"], check=True)
    assert (tmp_path / "xnai").stat().st_mode & 0o777 == 0o700


@EACH_SHELL
@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("echo \"it's $((1+1))\"; echo no >&2", 0),
        ("echo \"it's 2\"; echo no >&2; exit 3", 3),
        ("echo \"it's 2\"; echo no >&2; exit 125", 125),
        ("echo \"it's 2\"; echo no >&2; false", 1),
    ],
)
def test_output_and_exit_code_of_the_command_come_through(tmp_path, shell, command, code):
    done = run(shell, guarded(tmp_path, command))
    assert (done.returncode, done.stdout, done.stderr) == (code, "it's 2\n", "no\n")


@EACH_SHELL
def test_two_at_once_run_one_after_the_other(tmp_path, shell):
    command = (
        f"echo begin >> {tmp_path}/log; "
        f"until [ -e {tmp_path}/go ]; do sleep 0.02; done; echo end >> {tmp_path}/log"
    )
    log = tmp_path / "log"
    first = subprocess.Popen([shell, "-c", guarded(tmp_path, command)])
    until(log.exists)
    second = subprocess.Popen([shell, "-c", guarded(tmp_path, command)])
    time.sleep(0.4)
    assert second.poll() is None
    assert log.read_text() == "begin\n"
    (tmp_path / "go").touch()
    assert (first.wait(20), second.wait(20)) == (0, 0)
    assert log.read_text() == "begin\nend\nbegin\nend\n"


@EACH_SHELL
def test_what_the_command_leaves_running_does_not_hold_the_lock(tmp_path, shell):
    done = run(shell, guarded(tmp_path, "sleep 60 >/dev/null 2>&1 & echo $!"))
    child = int(done.stdout)
    try:
        os.kill(child, 0)  # it lives
        assert run(shell, guarded(tmp_path, "echo mine", wait_s="1")).stdout == "mine\n"
    finally:
        os.kill(child, signal.SIGKILL)


@EACH_SHELL
def test_a_killed_controllers_command_still_holds_the_lock(tmp_path, shell):
    ready = tmp_path / "ready"
    command = f"echo $$ > {ready}.part; mv {ready}.part {ready}; exec sleep 60"
    outer = subprocess.Popen([shell, "-c", guarded(tmp_path, command) + "; :"])
    until(ready.exists)
    try:
        outer.kill()
        outer.wait(20)
        assert run(shell, guarded(tmp_path, ":", wait_s="0.2")).returncode == 75
    finally:
        os.kill(int(ready.read_text()), signal.SIGKILL)


@EACH_SHELL
def test_a_lock_that_stays_taken_is_said(tmp_path, shell):
    with (tmp_path / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = run(shell, guarded(tmp_path, f"touch {tmp_path}/ran", wait_s="0.2"))
    assert (done.returncode, done.stdout) == (75, "")
    assert done.stderr == (
        "a command of an earlier run still works on this machine after 300 s "
        f"(lock {tmp_path}/lock): wait for it, then run this again\n"
    )
    assert not (tmp_path / "ran").exists()
