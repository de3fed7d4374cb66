"""Running tools with a log, and knowing whether a process is still the same one."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from xnai.lab.errors import LabError
from xnai.lab.progress import Progress


def tool_env(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for tools: an ordinary user's PATH lacks the sbin folders.

    Args:
        extra: variables set over it.

    Returns:
        The whole environment.
    """
    path = os.environ.get("PATH", "/usr/bin:/bin")
    return {**os.environ, "PATH": f"{path}:/usr/local/sbin:/usr/sbin:/sbin", **(extra or {})}


def run_logged(
    argv: Sequence[str],
    log: Path,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> None:
    """Run a tool with all its output in a log.

    Args:
        argv: the command.
        log: file that the output is added to.
        env: variables set over the present environment.
        cwd: folder to run in.

    Raises:
        LabError: the tool is missing or failed; its last lines are part of the message.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        out.write(f"$ {' '.join(argv)}\n".encode())
        out.flush()
        try:
            code = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=tool_env(env),
                cwd=cwd,
                check=False,
            ).returncode
        except FileNotFoundError as error:
            raise LabError(
                f"{argv[0]} is not installed", todo="run `xnai lab deps --install`"
            ) from error
    if code != 0:
        raise LabError(
            f"{Path(argv[0]).name} failed with exit code {code}",
            found=tail(log),
            todo=f"read the whole log: {log}",
        )


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log.

    Args:
        log: the file.
        lines: how many.

    Returns:
        The text, indented to stand under a message; empty for an absent file.
    """
    if not log.exists():
        return ""
    text = log.read_text(errors="replace").splitlines()[-lines:]
    return "\n          ".join(text)


@contextmanager
def locked(path: Path, progress: Progress, what: str) -> Iterator[None]:
    """Hold an exclusive lock, saying so when somebody else has it.

    Args:
        path: the lock file, made when absent.
        progress: where the waiting is told.
        what: what is being waited for.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with progress.step(f"waiting for another run of the lab that has {what}"):
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True)
class ProcessId:
    """A process that cannot be mistaken for a later one with the same number.

    Args:
        pid: the number.
        start_ticks: its start time in clock ticks since boot, from /proc.
        boot_id: the boot that the ticks count from.
    """

    pid: int
    start_ticks: int
    boot_id: str

    @staticmethod
    def of(pid: int) -> ProcessId | None:
        """Identify a running process.

        Args:
            pid: its number.

        Returns:
            Its identity, or None when there is no such process (or only its zombie).
        """
        ticks = start_ticks(pid)
        return None if ticks is None else ProcessId(pid, ticks, boot_id())

    def alive(self) -> bool:
        """Whether this very process still runs.

        Returns:
            False also when the number was given to another process since.
        """
        return self.boot_id == boot_id() and start_ticks(self.pid) == self.start_ticks


def boot_id() -> str:
    """The kernel's name for the present boot.

    Returns:
        The UUID as text.
    """
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def parse_start_ticks(stat: str) -> int | None:
    """Read the start time out of a line of /proc/PID/stat.

    Args:
        stat: the line; the command's name in it may hold blanks and brackets.

    Returns:
        Clock ticks since boot, or None for a zombie.
    """
    fields = stat[stat.rindex(")") + 2 :].split()
    return None if fields[0] in ("Z", "X") else int(fields[19])


def start_ticks(pid: int) -> int | None:
    """When a process started.

    Args:
        pid: its number.

    Returns:
        Clock ticks since boot, or None when it does not run.
    """
    try:
        return parse_start_ticks(Path(f"/proc/{pid}/stat").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return None
