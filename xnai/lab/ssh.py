"""Reaching a machine over ssh, and waiting for it to be reachable."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from xnai.lab.errors import LabError
from xnai.lab.proc import tail

BANNER = b"SSH-"
_ATTEMPTS = 4
_SSH_FAILED = 255


def argv(directory: Path, host_name: str, command: str | None, *, tty: bool = False) -> list[str]:
    """The ssh command line for a machine.

    Args:
        directory: the machine's folder.
        host_name: its name in its ssh_config.
        command: what the guest's shell shall run, None for a shell to type in.
        tty: ask for a terminal in the guest.

    Returns:
        The words.
    """
    words = ["ssh", "-F", str(directory / "ssh_config")]
    words += ["-t"] if tty else []
    return [*words, host_name, *([] if command is None else ["--", command])]


def banner(port: int, timeout_s: float = 1.0) -> bool:
    """Whether an ssh server answers, which costs less than a login.

    Args:
        port: port on 127.0.0.1.
        timeout_s: seconds to wait for its first bytes.

    Returns:
        False for every kind of silence: the forwarder accepts before the guest listens.
    """
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as connection:
            connection.settimeout(timeout_s)
            return connection.recv(4).startswith(BANNER)
    except OSError:
        return False


def run(
    directory: Path,
    host_name: str,
    command: str,
    *,
    check: bool,
    timeout_s: float,
    stdin: str | None,
) -> subprocess.CompletedProcess[str]:
    """Run a command in a guest as root.

    Args:
        directory: the machine's folder.
        host_name: its name in its ssh_config.
        command: for the guest's shell.
        check: raise when it fails.
        timeout_s: seconds.
        stdin: text for its standard input; None for none.

    Returns:
        Exit code and output; 255 also when ssh itself failed.

    Raises:
        LabError: with check, the command failed; always, it took too long.
    """
    for attempt in range(_ATTEMPTS):
        try:
            done = subprocess.run(
                argv(directory, host_name, command),
                input=stdin if stdin is not None else "",
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise LabError(
                f"{host_name}: a command did not end within {timeout_s:.0f} s", found=command
            ) from error
        # A guest that has just booted may start its ssh server anew. Nothing was run then.
        if done.returncode != _SSH_FAILED or "kex_exchange_identification" not in done.stderr:
            break
        time.sleep(attempt + 1)
    if check and done.returncode != 0:
        output = "\n".join((done.stdout + done.stderr).strip().splitlines()[-20:])
        raise LabError(
            f"{host_name}: exit code {done.returncode} from: {command}",
            found=output or "no output",
            todo=panic(directory / "console.log") if done.returncode == _SSH_FAILED else "",
        )
    return done


def panic(console: Path) -> str:
    """What to read where a machine does not answer because its kernel died.

    Args:
        console: the machine's console.log.

    Returns:
        The kernel's last words and the file's name; empty where it did not die.
    """
    text = console.read_text("utf-8", "replace") if console.exists() else ""
    _, found, said = text.rpartition("Kernel panic")
    last_words, _, _ = said.partition("\n")
    return f"its kernel died ({found}{last_words}): read {console}" if found else ""


def wait(
    directory: Path,
    host_name: str,
    port: int,
    *,
    timeout_s: float,
    alive: Callable[[], bool],
    not_boot: str | None = None,
) -> str:
    """Wait until root can log in.

    Args:
        directory: the machine's folder.
        host_name: its name in its ssh_config.
        port: port on 127.0.0.1.
        timeout_s: seconds.
        alive: whether the machine's process still runs.
        not_boot: a boot id of the guest that does not count, to see through a reboot.

    Returns:
        The guest's boot id.

    Raises:
        LabError: the process ended, or the time is over; with the console's last lines.
    """
    console = directory / "console.log"
    deadline = time.monotonic() + timeout_s
    why = "no answer on the ssh port"
    while time.monotonic() < deadline:
        if not alive():
            raise LabError(
                f"{host_name} ended while it booted",
                found=tail(console),
                todo=f"read the whole console: {console}",
            )
        if banner(port):
            done = run(
                directory,
                host_name,
                "cat /proc/sys/kernel/random/boot_id",
                check=False,
                timeout_s=max(15.0, timeout_s / 4),
                stdin=None,
            )
            boot = done.stdout.strip()
            if done.returncode == 0 and boot and boot != not_boot:
                return boot
            why = done.stderr.strip() or "still the boot before"
        time.sleep(0.2)
    raise LabError(
        f"{host_name} was not reachable by ssh within {timeout_s:.0f} s ({why})",
        found=tail(console),
        todo=f"read the whole console: {console}",
    )
