"""The stack's user: subordinate IDs and a running user manager."""

from __future__ import annotations

import shlex
from collections.abc import Generator

from pyinfra.api.operation import operation

from xnai.facts.containers import SUB_IDS

# Where login.defs(5) has the first one (SUB_UID_MIN).
FIRST_SUB_ID = 100000
# (uid_t)-1 is no ID.
LAST_SUB_ID = 2**32 - 2


@operation()
def subordinate_ids(user: str) -> Generator[str, None, None]:
    """Give `user` 65,536 free subordinate UIDs and GIDs, each only if it has fewer.

    Source: subuid(5), usermod(8). Rootless Podman maps a container's users to them. A user may
    stand there by number, and a range may lie anywhere below 2^32: the first gap is taken.

    Args:
        user: name of a user that exists when the operation runs.
    """
    name = shlex.quote(user)
    for path, option in (("/etc/subuid", "--add-subuids"), ("/etc/subgid", "--add-subgids")):
        has = (
            f"awk -F: -v u=$(id -u {name}) '$1==\"{user}\" || $1==u {{n+=$3}} "
            f"END {{printf \"%.0f\", n}}' {path}"
        )
        gap = (
            f"sort -t: -k2,2n {path} | awk -F: 'BEGIN {{n={FIRST_SUB_ID}}} "
            f"$2>=n+{SUB_IDS} {{exit}} $2+$3>n {{n=$2+$3}} END {{printf \"%.0f\", n}}'"
        )
        none_free = f"echo '{path}: no {SUB_IDS} free IDs in a row' >&2; exit 1"
        yield (
            f"umask 022; touch {path}; [ $({has}) -ge {SUB_IDS} ] || {{ n=$({gap}); "
            f"[ $n -le {LAST_SUB_ID - SUB_IDS + 1} ] || {{ {none_free}; }}; "
            f"usermod {option} $n-$((n+{SUB_IDS - 1})) {name}; }}"
        )


@operation()
def linger(user: str, uid: int) -> Generator[str, None, None]:
    """Let `user`'s manager run without a login, and wait until its bus answers (30 s at most).

    Args:
        user: name of an existing user.
        uid: its UID, for its runtime directory.
    """
    yield f"loginctl enable-linger {shlex.quote(user)}"
    # enable-linger starts the manager without waiting for it; Podman needs its bus.
    yield f"systemctl start user@{uid}.service"
    yield (
        f"i=0; until [ -S /run/user/{uid}/bus ]; do i=$((i+1)); "
        f"[ $i -le 300 ] || {{ echo 'no bus in /run/user/{uid} after 30 s: "
        f"see journalctl -u user@{uid}.service' >&2; exit 1; }}; sleep 0.1; done"
    )


@operation()
def reload_manager(user: str, uid: int) -> Generator[str, None, None]:
    """Let `user`'s running manager read its unit files and drop-ins anew.

    Args:
        user: name of an existing user.
        uid: its UID, for its runtime directory.
    """
    yield (
        f"runuser -u {shlex.quote(user)} -- env XDG_RUNTIME_DIR=/run/user/{uid} "
        "systemctl --user daemon-reload"
    )
