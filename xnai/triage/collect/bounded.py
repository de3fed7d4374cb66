"""Programs and files read within a time and a size, whatever they are."""

from __future__ import annotations

import os
import selectors
import signal
import stat
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

CHUNK = 1 << 16
MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Login:
    """A user as whom a program runs, by numbers.

    Attributes:
        name: login name.
        uid: its UID.
        gid: its GID.
        home: its home.
    """

    name: str
    uid: int
    gid: int
    home: str

    def environment(self) -> dict[str, str]:
        """Return what rootless Podman needs, and nothing of ours."""
        return {
            "HOME": self.home, "USER": self.name, "LOGNAME": self.name, "LANG": "C.UTF-8",
            "PATH": "/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin",
            "XDG_RUNTIME_DIR": f"/run/user/{self.uid}",
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path=/run/user/{self.uid}/bus",
        }


@dataclass(frozen=True)
class Said:
    """What a program printed.

    Attributes:
        code: exit code; None where it was ended at its limit or could not be started.
        out: standard output, at most what was asked for.
        error: standard error in words, its last bytes.
        cut: whether there was more output.
        seconds: how long it took.
    """

    code: int | None
    out: bytes
    error: str
    cut: bool
    seconds: float

    @property
    def text(self) -> str:
        """The output as text."""
        return self.out.decode("utf-8", "backslashreplace")


def run(
    words: Sequence[str], limit_s: float = 8.0, most: int = MOST_BYTES,
    account: Login | None = None, environment: Mapping[str, str] | None = None,
) -> Said:
    """Run a program and read what it prints, within a time and a size.

    Args:
        words: its argv.
        limit_s: after which it is ended with all that it started, in seconds.
        most: bytes of output that are kept; with more it is ended.
        account: as whom; by default as whoever runs this.
        environment: instead of the account's.
    """
    started = time.monotonic()
    env = dict(environment or (account.environment() if account else _ours()))
    how: dict[str, Any] = {}
    if account and os.geteuid() == 0 and account.uid != 0:
        how = {"user": account.uid, "group": account.gid, "extra_groups": [account.gid]}
    try:
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            cwd="/", env=env, start_new_session=True, **how,
        )
    except OSError as failed:
        return Said(None, b"", f"{words[0]}: {failed.strerror}", False, 0.0)
    out, err, cut = bytearray(), bytearray(), False
    with selectors.DefaultSelector() as ready, process:
        assert process.stdout and process.stderr  # noqa: S101  (pipes were asked for)
        ready.register(process.stdout, selectors.EVENT_READ, out)
        ready.register(process.stderr, selectors.EVENT_READ, err)
        while ready.get_map() and (left := started + limit_s - time.monotonic()) > 0:
            for key, _ in ready.select(left):
                data = os.read(key.fd, CHUNK)
                if not data:
                    ready.unregister(key.fileobj)
                key.data.extend(data)
            del err[:-CHUNK]
            if len(out) > most:
                cut = True
                break
        ended = not ready.get_map()
        if not ended:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        code: int | None = process.wait()
    code = code if ended or cut else None
    error = err[-2000:].decode("utf-8", "backslashreplace").strip()
    return Said(code, bytes(out[:most]), error, cut, round(time.monotonic() - started, 3))


def _ours() -> dict[str, str]:
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": "",
    }


def plain(path: str, most: int = 1 << 16) -> str | None:
    """Return the beginning of a plain file as text, or None where it is none or unreadable.

    A pipe, a device or a link in its place is not opened for reading, and holds nobody up.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        found = bytearray()
        while len(found) < most and (data := os.read(handle, min(CHUNK, most - len(found)))):
            found += data
    except OSError:
        return None
    finally:
        os.close(handle)
    return found.decode("utf-8", "backslashreplace")


def first_line(path: str) -> str | None:
    """Return a plain file's first line, as of /proc and /sys, or None."""
    text = plain(path, 4096)
    return None if text is None else text.partition("\n")[0].strip()
