"""Whether something else than a plain file or directory stands where one of ours is to be."""

from __future__ import annotations

from collections.abc import Iterable

from xnai.diagnostics.finding import Finding
from xnai.facts.machine.model import OwnPath


def judge_own_paths(found: Iterable[OwnPath] | None) -> list[Finding]:
    """Return an error for each path of ours that is a link, or of another kind.

    A deploy would replace a link, and whoever made it had a reason: a link to /dev/null masks a
    file (sysctl.d(5), systemd.unit(5)), another one moves it to another disk.

    found: what is of another kind; None where it could not be told.
    """
    if found is None:
        needed, remedy = "plain files or nothing", "Run again with -vv."
        return [Finding("own-path", "unknown", "our files", "could not tell", needed, remedy)]
    return [_finding(path) for path in found]


def _finding(path: OwnPath) -> Finding:
    needed = f"a plain {path.wanted} of root's, or nothing"
    if path.kind != "link":
        remedy = f"Look what it is (ls -ld {path.path}) and move it away."
        return Finding("own-path", "error", path.path, path.kind, needed, remedy)
    if path.target == "/dev/null":
        remedy = (
            f"Somebody has masked it. Remove the mask (rm {path.path}) and run this again. What is "
            "to stay as it is on this machine belongs into the settings instead."
        )
    elif path.wanted == "directory":
        remedy = (
            f"Remove the link, make the directory, and mount the other place on it (mount --bind "
            f"{path.target} {path.path}, and a line in /etc/fstab)."
        )
    else:
        remedy = f"Remove the link (rm {path.path}); {path.target} stays as it is."
    return Finding("own-path", "error", path.path, f"a link to {path.target}", needed, remedy)
