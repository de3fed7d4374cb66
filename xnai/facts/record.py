"""What a host is before the first change, beside its memory: user, files, directories."""

from __future__ import annotations

import base64
import binascii
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from pyinfra.api.facts import FactBase

from xnai.facts.account import account, by_user
from xnai.facts.sections import owned, script, split
from xnai.record.baseline import KEPT, RECORD, OldFile, OldUser


@dataclass(frozen=True)
class BeforeFacts:
    """What goes into the record.

    Attributes:
        record: content of the record, or None where there is none.
        kept: content of the record of a stack whose data were kept, or None.
        user: the stack's user.
        home: its home, or empty.
        files: path -> file that stands where ours will be.
        existing: those of the paths asked for that exist; of the user's home with the home.
    """

    record: bytes | None
    kept: bytes | None
    user: OldUser
    home: str
    files: dict[str, OldFile]
    existing: frozenset[str]


def in_base64(path: str) -> str:
    """Return shell code that prints a file as one line, or nothing where there is none."""
    return f"[ ! -e {path} ] || {{ base64 -w0 < {path}; echo; }}"


def decoded(lines: Sequence[str]) -> bytes | None:
    """Return what `in_base64` printed; content that was cut off is empty, which no record is."""
    if not lines:
        return None
    try:
        return base64.b64decode(lines[0], validate=True)
    except (binascii.Error, ValueError):
        return b""


class BeforeState(FactBase[BeforeFacts | None]):
    """What a host is before the first change, or None where it could not be read."""

    def command(
        self, user: str, files: Sequence[str], home_files: Sequence[str],
        existing: Sequence[str], home_existing: Sequence[str],
    ) -> str:
        """Return the script.

        Args:
            user: the stack user's name.
            files: our files, absolute.
            home_files: our files below that user's home, relative.
            existing: paths to look for, absolute.
            home_existing: the same below that user's home, relative.
        """
        name = shlex.quote(user)

        def below(paths: Sequence[str]) -> str:
            # Ours are plain words.
            return " ".join(f'"$h"/{path}' for path in paths)

        each = (
            # What is larger is no configuration, and would be held in memory.
            '[ -f "$f" ] && [ "$(stat -L -c %s "$f")" -le 1048576 ] && '
            'echo "$(stat -L -c "%a %U %G" "$f") $f $(base64 -w0 < "$f")"; done; :'
        )
        # By that user, who may have put links to root's files there: what is recorded is put back
        # as the user's own. And what that user says is of the home alone.
        home_code = f"h=$1; for f in {below(home_files)}; do {each}"
        of_home = by_user(user, home_code, 4) + " | grep -E '^[0-7]+ '"
        return f"h=$(getent passwd {name} | cut -d: -f6); h=${{h:-/nonexistent}}\n" + script(
            {
                "record": in_base64(RECORD),
                "kept": in_base64(KEPT),
                **account(user),
                "files": f"for f in {shlex.join(files)}; do {each}\n{of_home}; :",
                "existing": f"for f in {shlex.join(existing)} {below(home_existing)}; do "
                '[ ! -e "$f" ] || echo "$f"; done',
            }
        )

    def process(self, output: list[str]) -> BeforeFacts | None:
        """Parse the sections; None where one is missing."""
        found = split(output)
        if "existing" not in found:
            return None
        passwd = found["passwd"][0].split(":") if found["passwd"] else []
        files = {}
        for line in found["files"]:
            if whose := owned(line):
                mode, owner, group, rest = whose
                # An empty file has no content behind its path.
                path, _, content = rest.partition(" ")
                files[path] = OldFile(decoded([content]) or b"", mode, owner, group)
        return BeforeFacts(
            record=decoded(found["record"]),
            kept=decoded(found["kept"]),
            user=OldUser(
                name=passwd[0] if passwd else "",
                existed=bool(passwd),
                lingering=bool(found["linger"]),
                subuid=tuple(found["subuid"]),
                subgid=tuple(found["subgid"]),
            ),
            home=passwd[5] if len(passwd) == 7 else "",
            files=files,
            existing=frozenset(found["existing"]),
        )
