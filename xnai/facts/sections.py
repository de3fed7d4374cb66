"""One remote command that answers many questions: its framing, and files as digests.

A component's fact is a shell script whose answers are framed by `@@ name` lines. A section
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

    Errors of `script` are silent: what it could not print is missing from its section.
    """
    return f"echo {shlex.quote(_MARK + name)}; {{ {script}\n}} 2>/dev/null"


def script(parts: Mapping[str, str]) -> str:
    """Return one shell command that prints every section of `parts`, name to shell code."""
    body = "\n".join(section(name, code) for name, code in parts.items())
    return f"{body}\necho {shlex.quote(_MARK + 'end')}"


def split(output: Iterable[str]) -> dict[str, list[str]]:
    """Return the lines of each section; lines before the first one are dropped.

    The last section that began counts only when the script's end was reached.
    """
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    name = ""
    for line in output:
        if line.startswith(_MARK):
            name = line.removeprefix(_MARK)
            lines = sections.setdefault(name, [])
        else:
            lines.append(line)
    if name and name != "end":
        del sections[name]
    return sections


@dataclass(frozen=True)
class FileState:
    """A file as it is: its content's sha256, its mode as 0644, its owner and group.

    What is no plain file has `kind` link or other, and nothing else that could be compared.
    """

    sha256: str
    mode: str
    owner: str
    group: str
    kind: str = "file"


def file_states(paths: Iterable[str]) -> str:
    """Return shell code that prints a line a path: `sha256 mode owner group path`, or nothing.

    For what is no plain file it is `link` or `other`, three dashes and the path.
    """
    quoted = " ".join(shlex.quote(path) for path in paths)
    if not quoted:
        return ":"
    return (
        f'for f in {quoted}; do if [ -L "$f" ]; then echo "link - - - $f"; '
        'elif [ -f "$f" ]; then d=$(sha256sum < "$f") && s=$(stat -c "%a %U %G" "$f") && '
        'printf "%s %s %s\\n" "${d%% *}" "$s" "$f"; '
        'elif [ -e "$f" ]; then echo "other - - - $f"; fi; done; :'
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
    state: FileState | None, text: str, mode: str = "0644", owner: str = "root", group: str = "root"
) -> str:
    """Return in words how a file differs from what it should be; an empty string if it does not."""
    if state is None:
        return "absent"
    if state.kind != "file":
        return "a link" if state.kind == "link" else "no plain file"
    wanted = (
        ("content", state.sha256, hashlib.sha256(text.encode()).hexdigest()),
        ("mode", state.mode, mode),
        ("owner", f"{state.owner}:{state.group}", f"{owner}:{group}"),
    )
    return ", ".join(
        name if name == "content" else f"{name} {found} -> {needed}"
        for name, found, needed in wanted
        if found != needed
    )
