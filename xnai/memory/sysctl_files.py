"""Who wins each of our sysctl keys, for both programs that read the files.

systemd-sysctl(8) at boot and procps' `sysctl --system` (which packages and people run) agree but
for three things: only procps reads /etc/sysctl.conf, last of all; a bare `-key` line takes an
explicit value back only for systemd; and both apply patterns only to keys that no file names
explicitly. Sources: sysctl.d(5), sysctl(8), and both programs (systemd 252, procps 4.0.2) run on
the same files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from xnai.facts.machine.config_files import in_force
from xnai.facts.machine.model import ConfigFile

Reader = Literal["systemd-sysctl", "sysctl --system"]
READERS: tuple[Reader, ...] = ("systemd-sysctl", "sysctl --system")
"""The two programs that apply sysctl files."""

DIRECTORIES = tuple(
    f"{base}/sysctl.d" for base in ("/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib")
)
"""Directories by precedence: a name in an earlier one masks it in the later ones."""


@dataclass(frozen=True)
class Assignment:
    """One line of a sysctl file; `value` None is a bare `-key`; `key` is normalised to slashes."""

    file: ConfigFile
    line: int
    key: str
    value: str | None

    @property
    def is_pattern(self) -> bool:
        """True when the key is a glob(7) pattern."""
        return any(character in self.key for character in "*?[")

    @property
    def place(self) -> str:
        """`path:line`, with the link's target where the path is a link."""
        path, target = self.file.path, self.file.target
        return (
            f"{path}:{self.line}" if path == target else f"{path} (a link to {target}):{self.line}"
        )

    def matches(self, key: str) -> bool:
        """Return whether the line's key or pattern means `key` (normalised); * stops at slashes."""
        if not self.is_pattern:
            return self.key == key
        mine, theirs = self.key.split("/"), key.split("/")
        return len(mine) == len(theirs) and all(map(fnmatchcase, theirs, mine))


# One value in the kernel under two names: writing either sets the other to 0 (sysctl/vm.rst). A 0
# is refused, and takes nothing away.
TWINS = {
    "vm.dirty_ratio": "vm.dirty_bytes",
    "vm.dirty_background_ratio": "vm.dirty_background_bytes",
}


def number(value: str | None) -> int | None:
    """Return the number that the kernel reads, up to a blank; None where it reads none.

    A leading 0 makes it octal, 0x hexadecimal (proc_get_long() in kernel/sysctl.c). What follows
    the blank is passed over: there are no comments at a line's end.
    """
    found = re.match(r"(0[xX][0-9A-Fa-f]+|[0-9]+)(?=\s|$)", value or "", re.ASCII)
    if not found:
        return None
    digits = found[1]
    base = 16 if digits[1:2] in ("x", "X") else 8 if digits.startswith("0") else 10
    try:
        return int(digits, base)
    except ValueError:  # 08: the kernel refuses it
        return None


def normalise(key: str) -> str:
    """Return a key with slashes as separators: `vm.swappiness` and `vm/swappiness` are the same.

    If the first separator is a dot, dots and slashes change places; else all stay (sysctl.d(5)).
    """
    key = key.removeprefix("/proc/sys/")
    first = next((c for c in key if c in "./"), "/")
    return key if first == "/" else key.translate(str.maketrans("./", "/."))


def assignments(file: ConfigFile) -> list[Assignment]:
    """Return the lines of `file` that mean something, in order; what neither program takes is left
    out.
    """
    found = []
    for number, raw in enumerate(file.text.split("\n"), start=1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        key, equals, value = line.partition("=")
        key = key.strip()
        if equals:
            # "-key = value" only asks that a failure be ignored.
            found.append(Assignment(file, number, normalise(key.removeprefix("-")), value.strip()))
        elif key.startswith("-"):
            found.append(Assignment(file, number, normalise(key[1:].strip()), None))
    return found


def files_read(files: Iterable[ConfigFile], reader: Reader) -> list[ConfigFile]:
    """Return the files that `reader` reads, in its order."""
    all_files = list(files)
    found = in_force(all_files, DIRECTORIES)
    if reader == "sysctl --system":
        found += [file for file in all_files if file.path == "/etc/sysctl.conf"]
    return found


def winner(key: str, files: Iterable[ConfigFile], reader: Reader) -> Assignment | None:
    """Return the line that decides `key` (such as `vm.swappiness`) for `reader`, or None.

    procps writes each line as it comes, so that one whose value the kernel refuses decides nothing
    (every key of ours is a number). systemd-sysctl keeps the last line of a key and writes that
    alone: a refused one leaves what the kernel began with.
    """
    explicit: Assignment | None = None
    pattern: Assignment | None = None
    excluded = False
    wanted = normalise(key)
    for file in files_read(files, reader):
        for line in assignments(file):
            if not line.matches(wanted) or (reader == "sysctl --system" and is_refused(line)):
                continue
            if line.is_pattern:
                pattern = line if line.value is not None else pattern
            elif line.value is None and reader == "sysctl --system":
                excluded = True
            else:
                explicit = line
    return explicit or (None if excluded else pattern)


@dataclass(frozen=True)
class Decision:
    """The line that decides what a key is in the end, and whether it does so by the key's twin."""

    line: Assignment
    by_twin: bool = False


def decider(key: str, files: Iterable[ConfigFile], reader: Reader) -> Decision | None:
    """Return what decides `key` in the end: a line of its own, or of its twin's.

    Args:
        key: such as `vm.dirty_ratio`.
        files: every sysctl file.
        reader: which program reads them.
    """
    read = list(files)
    own = winner(key, read, reader)
    last = Decision(own) if own else None
    if key not in TWINS or (own and is_refused(own)):
        return last
    twin = normalise(TWINS[key])
    for written, line in _writes((normalise(key), twin), read, reader):
        if written != twin:
            last = Decision(line)
        elif number(line.value):
            last = Decision(line, by_twin=True)
    return last


def is_refused(line: Assignment) -> bool:
    """Return whether the kernel refuses a line's value, of a key that is a number."""
    return line.value is not None and number(line.value) is None


def _writes(
    keys: tuple[str, ...], files: list[ConfigFile], reader: Reader
) -> list[tuple[str, Assignment]]:
    """What a program writes to keys, in its order: (key, line); without what the kernel refuses.

    procps writes each line. systemd-sysctl (252) keeps a line for each name, at the place where
    its value came first: the same value again does not move it, another one does.
    """
    lines = [line for file in files_read(files, reader) for line in assignments(file)]
    if reader == "systemd-sysctl":
        kept: dict[str, Assignment] = {}
        for line in lines:
            if line.key in kept and kept[line.key].value == line.value:
                continue
            kept.pop(line.key, None)
            kept[line.key] = line
        lines = list(kept.values())
    explicit = {line.key for line in lines if not line.is_pattern}
    return [
        (key, line) for line in lines for key in keys
        if line.value is not None and not is_refused(line) and line.matches(key)
        and (not line.is_pattern or key not in explicit)
    ]
