"""One remote command that answers many questions: its framing, and files as digests.

The fact of a deploy's step is a shell script whose answers are framed by `@@ name` lines. A section
that is missing was not reached and means "could not tell", which is not the same as empty.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_MARK = "@@ "


def section(name: str, script: str) -> str:
    """Return shell code that prints the section `name` with what `script` prints.

    Standard error is discarded; what fails only leaves lines out of the section.
    """
    return f"echo {shlex.quote(_MARK + name)}; {{ {script}\n}} 2>/dev/null"


def script(parts: Mapping[str, str]) -> str:
    """Return one shell command that prints a section for each entry of `parts`.

    Args:
        parts: section's name -> shell code.
    """
    body = "\n".join(section(name, code) for name, code in parts.items())
    return f"{body}\necho {shlex.quote(_MARK + 'end')}"


def split(output: Iterable[str]) -> dict[str, list[str]]:
    """Return the lines of each section; lines before the first one are dropped.

    A section counts once: what has another one's mark in it cannot replace that one.

    Without the mark of the script's end the last section is left out: it may be incomplete.
    """
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    name = ""
    for line in output:
        if line.startswith(_MARK):
            name = line.removeprefix(_MARK)
            lines = []
            sections.setdefault(name, lines)
        else:
            lines.append(line)
    if name and name != "end":
        del sections[name]
    return sections


def is_whole(output: Iterable[str]) -> bool:
    """Return whether a script's end was reached."""
    return f"{_MARK}end" in output


@dataclass(frozen=True)
class FileState:
    """A file as it is: its content's sha256, its mode as 0644, its owner and group.

    Anything but a plain file has the `kind` link or other, and its other fields are empty.
    """

    sha256: str
    mode: str
    owner: str
    group: str
    kind: str = "file"


# The digests' lines, two blanks before the path, then those of stat(1).
_JOINED = (
    '{ p = substr($0, index($0, "/")) } length($1) == 64 { d[p] = $1; next } '
    "p in d { print d[p], $0 }"
)


def file_states(paths: Iterable[str]) -> str:
    """Return shell code that prints one line for each path that exists.

    It is `sha256 mode owner group path` for a plain file, `link - - - path` for a link and
    `other - - - path` for anything else. The shell's positional parameters may be overwritten.

    Args:
        paths: absolute, without line breaks and backslashes.
    """
    quoted = " ".join(shlex.quote(path) for path in paths)
    if not quoted:
        return ":"
    # Three processes for all: some for each file would cost more than the rest on a slow machine.
    return (
        # The paths may name an argument: it is lost with the first file that is found.
        f'n=; for f in {quoted}; do if [ -L "$f" ]; then echo "link - - - $f"; '
        'elif [ -f "$f" ]; then [ -n "$n" ] || set --; n=1; set -- "$@" "$f"; '
        'elif [ -e "$f" ]; then echo "other - - - $f"; fi; done; [ -z "$n" ] || '
        '{ sha256sum -- "$@"; stat -c "%a %U %G %n" -- "$@"; } | awk '
        f"{shlex.quote(_JOINED)}; :"
    )


def parse_file_states(lines: Iterable[str]) -> dict[str, FileState]:
    """Return each path that exists with its state."""
    states = {}
    for line in lines:
        digest, _, rest = line.partition(" ")
        if not (found := owned(rest)):
            continue
        mode, owner, group, path = found
        states[path] = (
            FileState("", "", "", "", digest) if digest in {"link", "other"}
            else FileState(digest, mode, owner, group)
        )
    return states


# A group of a directory service may have blanks in its name ("domain users"); a path begins with
# a slash, which no name has.
_OWNED = re.compile(r"(\S+) (\S+) ([^/]+) (/.*)", re.DOTALL)


def owned(text: str) -> tuple[str, str, str, str] | None:
    """Return mode (as 0644), owner, group and path; None for anything else.

    Args:
        text: `%a %U %G` of stat(1), a blank and an absolute path.
    """
    match = _OWNED.fullmatch(text)
    return (match[1].zfill(4), match[2], match[3], match[4]) if match else None


def file_difference(
    state: FileState | None, content: str | bytes, mode: str = "0644", owner: str = "root",
    group: str = "root",
) -> str:
    """Return in words how a file differs from what it should be; an empty string if it does not."""
    whole = content.encode() if isinstance(content, str) else content
    if state is None:
        return "absent"
    if state.kind != "file":
        return "a link" if state.kind == "link" else "no plain file"
    wanted = (
        ("content", state.sha256, hashlib.sha256(whole).hexdigest()),
        ("mode", state.mode, mode),
        ("owner", f"{state.owner}:{state.group}", f"{owner}:{group}"),
    )
    return ", ".join(
        name if name == "content" else f"{name} {found} -> {needed}"
        for name, found, needed in wanted
        if found != needed
    )
