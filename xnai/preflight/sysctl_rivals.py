"""Other files that set our sysctl keys: who wins, and which file may be set aside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from xnai.diagnostics.finding import Finding, Severity
from xnai.facts.machine.config_files import (
    HEADER,
    SET_ASIDE_SUFFIX,
    is_ours,
    name_of,
    with_ours,
)
from xnai.facts.machine.model import ConfigFile, Reading
from xnai.memory.files import SYSCTL_CONF
from xnai.memory.sysctl_files import (
    READERS,
    TWINS,
    Assignment,
    Decision,
    Reader,
    assignments,
    decider,
    files_read,
    is_refused,
    normalise,
    number,
)

OUR_PATH = SYSCTL_CONF
"""Where our own file lies."""


def our_file(sysctls: Mapping[str, str]) -> ConfigFile:
    """Return our file as it will be: `sysctls` maps keys such as `vm.swappiness` to values."""
    lines = [HEADER, *(f"{key} = {value}" for key, value in sysctls.items())]
    return ConfigFile(OUR_PATH, OUR_PATH, "\n".join(lines) + "\n")


def _is_ours(line: Assignment) -> bool:
    return line.file.path == OUR_PATH or is_ours(line.file)


def _rivals(
    files: list[ConfigFile], sysctls: Mapping[str, str]
) -> dict[tuple[str, Decision], list[Reader]]:
    """Return (key, what decides of somebody else's, with another value) -> the readers that it
    decides for.
    """
    found: dict[tuple[str, Decision], list[Reader]] = {}
    for key, value in sysctls.items():
        for reader in READERS:
            decides = decider(key, files, reader)
            if decides and not _is_ours(decides.line) and not _says(decides, value):
                found.setdefault((key, decides), []).append(reader)
    return found


def _says(decides: Decision, value: str) -> bool:
    """Whether a line gives a key our value: by the number that the kernel reads of it."""
    return not decides.by_twin and number(decides.line.value) == number(value)


def can_be_set_aside(file: ConfigFile, sysctls: Mapping[str, str]) -> bool:
    """Return whether a rival may be renamed: the administrator's (/etc), and all its keys ours.

    A package's file under /usr would come back with the next upgrade; it is masked by hand.
    """
    lines = assignments(file)
    ours = {normalise(key) for key in sysctls}
    ours |= {normalise(TWINS[key]) for key in sysctls if key in TWINS}
    in_etc = PurePosixPath(file.path).is_relative_to("/etc")
    return in_etc and bool(lines) and all(line.key in ours for line in lines)


def files_to_set_aside(
    files: Iterable[ConfigFile] | None, sysctls: Mapping[str, str]
) -> list[ConfigFile]:
    """Return the rivals to rename to `<path>.xnai-set-aside`, so that ours win afterwards.

    files: every sysctl file of the host; sysctls: our keys and values. Only files for which
    `can_be_set_aside` holds; one that comes into force because another went is found as well.
    """
    left = with_ours(files or (), our_file(sysctls))
    aside: list[ConfigFile] = []
    while True:
        found = {
            decides.line.file.path: decides.line.file
            for _, decides in _rivals(left, sysctls)
            if can_be_set_aside(decides.line.file, sysctls)
        }
        if not found:
            return aside
        aside += found.values()
        left = [file for file in left if file.path not in found]


def judge_sysctls(
    files: tuple[ConfigFile, ...] | None,
    live: Mapping[str, Reading] | None,
    sysctls: Mapping[str, str],
    setting_names: Mapping[str, str],
    memory_rivals: str,
) -> list[Finding]:
    """Return findings on other files that set our keys.

    files: None when they could not be listed; live: key -> value of the running kernel; sysctls:
    our keys and values; setting_names: key -> the setting that gives its value; memory_rivals:
    "stop" or "set_aside".
    """
    if files is None:
        needed, remedy = "every sysctl.d file, to see who wins", "sysctl --system --dry-run"
        return [Finding("sysctl-rival", "unknown", "sysctl.d", "could not tell", needed, remedy)]
    found = _judge_files(files, live)
    after = with_ours(files, our_file(sysctls))
    aside = files_to_set_aside(files, sysctls) if memory_rivals == "set_aside" else []
    found += [_set_aside(file, sysctls) for file in aside]
    left = [file for file in after if file not in aside]
    rivals = _rivals(left, sysctls)
    for (key, decides), readers in rivals.items():
        found.append(_rival(key, decides, readers, sysctls, setting_names))
    deciding = {(key, decides.line) for key, decides in rivals}
    beaten: dict[str, list[str]] = {}
    read = {file.path: file for reader in READERS for file in files_read(left, reader)}
    for file in read.values():
        for line in assignments(file):
            for key in sysctls:
                if (
                    line.matches(normalise(key))
                    and not _is_ours(line)
                    and (key, line) not in deciding
                ):
                    beaten.setdefault(file.path, []).append(
                        f"{key} = {line.value} (line {line.line})"
                    )
    for path, lines in beaten.items():
        needed = f"{OUR_PATH} decides, or they say the same"
        found.append(Finding("sysctl-rival", "note", path, ", ".join(lines), needed))
    return found


def _judge_files(
    files: tuple[ConfigFile, ...], live: Mapping[str, Reading] | None
) -> list[Finding]:
    found = []
    for file in files:
        if file.state != "ok":
            text, needed = f"{file.path} is {file.state}", "every sysctl file, to see who wins"
            remedy = "Run as root; then look at the file by hand."
            found.append(Finding("sysctl-rival", "unknown", file.path, text, needed, remedy))
        elif file.path == OUR_PATH and file.text and not is_ours(file):
            needed = f"free, or a file that begins with {HEADER!r}: only such a file is replaced"
            remedy = f"Rename it, for instance to /etc/sysctl.d/80-local.conf: mv {file.path} …"
            found.append(Finding("sysctl-foreign", "error", file.path, "not ours", needed, remedy))
    for key, reading in (live or {}).items():
        if reading.state == "absent":
            remedy = "Use a kernel that has it (Debian's own does)."
            needed = "a key of the running kernel"
            text = f"/proc/sys/{normalise(key)} does not exist"
            # Both programs pass over a missing key, so this alone stops nothing.
            found.append(Finding("sysctl-key", "warning", key, text, needed, remedy))
    return found


def _set_aside(file: ConfigFile, sysctls: Mapping[str, str]) -> Finding:
    lines = ", ".join(
        f"{line.key.replace('/', '.')} = {line.value} (line {line.line})"
        for line in assignments(file)
    )
    needed = f"{OUR_PATH} decides (memory_rivals = 'set_aside')"
    remedy = f"It is renamed to {file.path}{SET_ASIDE_SUFFIX}; to undo, rename it back."
    return Finding("sysctl-set-aside", "warning", file.path, lines, needed, remedy)


def _rival(
    key: str,
    decides: Decision,
    readers: list[Reader],
    sysctls: Mapping[str, str],
    setting_names: Mapping[str, str],
) -> Finding:
    line = decides.line
    read = number(line.value)
    theirs = "the key excluded" if line.value is None else (
        f"{TWINS[key] if decides.by_twin else key} = {line.value}"
    )
    if decides.by_twin:
        theirs += f", which sets {key} to 0"
    elif is_refused(line):
        theirs += ", which the kernel refuses, so that nothing is written"
    elif read is not None and str(read) != line.value:
        theirs += f", of which the kernel reads {read} (there are no comments at a line's end)"
    setting = setting_names.get(key, key)
    wish = setting if read is None else f"{setting} = {read}"
    no_wish = decides.by_twin or is_refused(line)
    ways = [
        *([] if no_wish else [f"take {wish!r} into the host's group_data"]),
        f"remove line {line.line} of {line.file.target}",
    ]
    if can_be_set_aside(line.file, sysctls):
        ways.append("set memory_rivals = 'set_aside' (the file is renamed)")
    elif not line.file.path.startswith("/etc/"):
        ways.append(f"mask a package's file: ln -s /dev/null /etc/sysctl.d/{name_of(line.file)}")
    severity: Severity = "error"
    found = f"{line.place} wins for {' and '.join(readers)}: {theirs}"
    needed = f"{key} = {sysctls[key]} ({OUR_PATH})"
    return Finding("sysctl-rival", severity, key, found, needed, "One of: " + "; ".join(ways) + ".")
