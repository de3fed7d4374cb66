"""Sections of scripts that tell of the stack's user; several facts need them."""

from __future__ import annotations

import shlex

from xnai.facts.podman_call import XNAI_PODMAN

# Logins of the UID `$u`. logind lists the user's own manager as a session too, of class "manager";
# the pipes beside the files (3.ref) would block whoever reads them.
SESSIONS = (
    'for s in /run/systemd/sessions/*; do [ -n "$u" ] && [ -f "$s" ] && '
    'grep -qx "UID=$u" "$s" && grep -q "^CLASS=user" "$s" && echo "$s"; done; :'
)
# The user whose Podman the wrapper runs.
WRAPPER_USER = f"sed -n 's/.*runuser -u \\([^ ]*\\) .*/\\1/p' {XNAI_PODMAN}; :"


def linger(user: str) -> str:
    """Return shell code that prints something where the user lingers."""
    return f"[ ! -e /var/lib/systemd/linger/{shlex.quote(user)} ] || echo lingers"


def account(user: str) -> dict[str, str]:
    """Return the sections of the user's line of passwd(5), lingering and lines of subuid(5)."""
    return {
        "passwd": f"getent passwd {shlex.quote(user)}; :",
        "linger": linger(user),
        "subuid": f"grep '^{user}:' /etc/subuid; :",
        "subgid": f"grep '^{user}:' /etc/subgid; :",
    }


def by_user(user: str, code: str, path_field: int) -> str:
    """Return shell code that looks into a user's home (`$h`) with no more than its rights.

    What lies there is that user's, and may be a link to anything: root would follow it. And what
    that user says is of the home alone.

    Args:
        user: its name.
        code: shell code in which `$1` is the home; each line that it prints ends with a path.
        path_field: which word of a line the path begins with, from 1.
    """
    before = "[^ ]* " * (path_field - 1)
    # Through a file of root's: whoever keeps a pipe open would keep its reader waiting.
    return (
        f"b=$(mktemp) && {{ (cd / && timeout 20 runuser -u {shlex.quote(user)} -- "
        f'sh -c {shlex.quote(code)} sh "$h" </dev/null) > "$b"; '
        f"awk -v h=\"$h/\" '{{p = $0; sub(/^{before}/, \"\", p)}} "
        "index(p, h) == 1 && p !~ /\\.\\./' < \"$b\"; rm -f \"$b\"; }"
    )
