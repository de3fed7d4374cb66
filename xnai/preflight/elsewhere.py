"""Who sets our sysctls or zram0 past sysctl.d and zram-generator: tmpfiles.d, and rules of udev.

systemd-tmpfiles writes into /proc/sys after systemd-sysctl (its unit's order, systemd 257), and
udev whenever the event of a rule comes; so both win at every boot, and a deploy would change
something after each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from xnai.diagnostics.finding import Finding
from xnai.facts.machine.config_files import in_force
from xnai.facts.machine.model import ConfigFile
from xnai.memory.sysctl_files import normalise, number

_BASES = ("/etc", "/run", "/usr/local/lib", "/usr/lib")
_TMPFILES = tuple(f"{base}/tmpfiles.d" for base in _BASES)  # noqa: S108  (no /tmp)
_RULES = tuple(f"{base}/udev/rules.d" for base in _BASES)
# SYSCTL{vm.swappiness}="150": udev(7).
_SYSCTL = re.compile(r'SYSCTL\{([^}"]+)\}\s*=\s*"([^"]*)"')
_SETS_UP = re.compile(r'ATTR\{disksize\}\s*=\s*"|\b(mkswap|swapon)\b')
_ZRAM = re.compile(r'KERNEL\s*==\s*"[^"]*zram')


def judge_elsewhere(
    files: tuple[ConfigFile, ...] | None, sysctls: Mapping[str, str]
) -> list[Finding]:
    """Return findings on other programs that set our keys, or zram0.

    files: None when they could not be listed; sysctls: our keys and values.
    """
    if files is None:
        needed = "tmpfiles.d and the rules of udev, which may set sysctls after ours"
        remedy = "systemd-analyze cat-config tmpfiles.d"
        return [Finding("sysctl-elsewhere", "unknown", "sysctls", "could not tell", needed, remedy)]
    found = []
    for file in in_force(files, _TMPFILES):
        for line, key, value in _written(file, sysctls):
            found += _rival(file, line, key, value, sysctls[key])
    for file in in_force(files, _RULES):
        for line, text in _lines(file):
            for key, value in _SYSCTL.findall(text):
                ours = next((k for k in sysctls if normalise(k) == normalise(key)), None)
                if ours:
                    found += _rival(file, line, ours, value, sysctls[ours])
            if _ZRAM.search(text) and _SETS_UP.search(text):
                needed = "zram-generator alone sets up zram0"
                remedy = f"Remove line {line} of {file.path}, and run: udevadm control --reload"
                where = f"{file.path}:{line} sets it up itself"
                found.append(Finding("zram-rival", "error", "zram0", where, needed, remedy))
    return found


def _rival(file: ConfigFile, line: int, key: str, value: str, wanted: str) -> list[Finding]:
    if number(value) == number(wanted):
        return []
    text = f"{file.path}:{line} sets {key} = {value} at every boot, after sysctl.d"
    remedy = f"Remove line {line} of {file.path}, or set the setting of {key} to that value."
    return [Finding("sysctl-elsewhere", "error", key, text, f"{key} = {wanted}", remedy)]


def _written(file: ConfigFile, keys: Iterable[str]) -> Iterator[tuple[int, str, str]]:
    """The lines of a tmpfiles.d file that write one of our keys: line, key, value."""
    for line, text in _lines(file):
        # Type, path, mode, user, group, age, argument: tmpfiles.d(5).
        words = text.split(maxsplit=6)
        if len(words) < 7 or words[0].rstrip("+!-=~^$") != "w":
            continue
        for key in keys:
            if fnmatchcase(f"/proc/sys/{key.replace('.', '/')}", words[1].strip('"')):
                yield line, key, words[6].strip('"')


def _lines(file: ConfigFile) -> Iterator[tuple[int, str]]:
    """The lines that mean something, those that go on joined, each with its first number."""
    first, text = 0, ""
    for count, raw in enumerate(file.text.split("\n"), start=1):
        first = first or count
        text += raw.rstrip("\\") if raw.endswith("\\") else raw
        if raw.endswith("\\"):
            continue
        if text.strip() and not text.lstrip().startswith("#"):
            yield first, text.strip()
        first, text = 0, ""
