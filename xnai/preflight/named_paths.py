"""Whether what a setting names on the host is there, for the user who must read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from xnai.diagnostics.finding import Finding
from xnai.facts.machine.model import Named


def judge_named(
    found: Iterable[Named], wanted: Mapping[str, tuple[str, bool]], stack_user: str
) -> list[Finding]:
    """Return an error for each path that is missing, of the wrong kind, or unreadable.

    found: what was seen; wanted: path -> setting, and whether a directory; stack_user: login name.
    """
    states = {named.path: named for named in found}
    findings = []
    for path, (setting, is_directory) in wanted.items():
        kind = "directory" if is_directory else "file"
        # A container's user is nobody whom the host knows.
        who = stack_user if is_directory else "everybody"
        needed = f"a {kind} that {who} may read ({setting} = {path!r})"
        named = states.get(path)
        if named is None or named.state == "unknown":
            findings.append(
                Finding("path", "unknown", path, "could not tell", needed, f"ls -ld {path}")
            )
        elif named.state == "absent":
            remedy = f"Put it there, or set {setting} = None."
            findings.append(Finding("path", "error", path, "not there", needed, remedy))
        elif named.is_directory != is_directory:
            other = "a directory" if named.is_directory else "no directory"
            remedy = f"Name the {kind} itself in {setting}."
            findings.append(Finding("path", "error", path, other, needed, remedy))
        elif named.state != "ok":
            remedy = f"chmod a+rX {path}, and a+x on the directories above it."
            findings.append(Finding("path", "error", path, "not readable", needed, remedy))
    return findings
