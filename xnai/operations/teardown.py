"""Taking a stack, and what it needed of the machine, down again."""

from __future__ import annotations

import re
import shlex
from collections.abc import Generator, Sequence

from pyinfra.api.command import StringCommand
from pyinfra.api.operation import operation

from xnai.facts.podman_call import XNAI_PODMAN
from xnai.operations import generation
from xnai.operations.guard import one_at_a_time
from xnai.record.baseline import OldFile
from xnai.remote import content


@operation()
def podman(
    containers: Sequence[str],
    networks: Sequence[str],
    images: Sequence[str],
    volumes: Sequence[str],
    secrets: Sequence[str],
    label: str,
) -> Generator[str, None, None]:
    """Remove what a stack has in the stack user's Podman.

    Args:
        containers: names; stopped first.
        networks: names; one that something else uses is an error.
        images: names; one that something else uses stays.
        volumes: names, with the data in them; one that something else uses is an error.
        secrets: names.
        label: of the stack's images, of which those without a name are removed too.
    """
    def words(names: Sequence[str]) -> str:
        return " ".join(map(shlex.quote, names))

    if containers:
        yield generation.remove(containers)
    if networks:
        yield one_at_a_time(_remove_unused("network", words(networks)))
    if volumes:
        yield one_at_a_time(_remove_unused("volume", words(volumes)))
    if secrets:
        yield one_at_a_time(f"{XNAI_PODMAN} secret rm --ignore {words(secrets)} >/dev/null")
    if images:
        # 2 is podman-rmi(1)'s word for "in use". What built images were made of goes with them.
        yield one_at_a_time(
            f"{{ {XNAI_PODMAN} rmi --ignore {words(images)} || [ $? = 2 ]; }} >/dev/null && "
            f"{XNAI_PODMAN} image prune --force --filter {shlex.quote(f'label={label}')} >/dev/null"
        )


def _remove_unused(kind: str, names: str) -> str:
    """Shell code that removes networks or volumes; what does not exist is no matter.

    Not by --force, which removes every container that uses them, and whose it is.
    """
    users = f"$({XNAI_PODMAN} ps --all --filter {kind}=$n --format '{{{{.Names}}}}' | xargs)"
    # 1 is Podman's word for "does not exist", 2 for "in use" (podman-network-rm(1)).
    return (
        f"for n in {names}; do {XNAI_PODMAN} {kind} rm $n >/dev/null; e=$?; case $e in 0|1) ;; "
        f"2) echo \"the {kind} $n stays: {users} uses it and is none of the stack's. Remove that "
        "(sudo xnai-podman rm), then run this again\" >&2; exit 1 ;; *) exit $e ;; esac; done"
    )


@operation()
def stop_user(user: str, uid: int, sessions: int) -> Generator[str, None, None]:
    """Let the stack's user linger no more; stop its manager where it is not logged in.

    Args:
        user: its name.
        uid: its UID.
        sessions: number of its logins.
    """
    yield f"loginctl disable-linger {shlex.quote(user)}"
    if not sessions:
        yield f"systemctl stop user@{uid}.service"


@operation()
def remove_user(user: str, uid: int, empty: Sequence[str]) -> Generator[str, None, None]:
    """Remove a user with all that it has: processes, home, subordinate IDs.

    Args:
        user: its name.
        uid: its UID.
        empty: files that go as well where nothing is left in them.
    """
    quoted = shlex.quote(user)
    yield f"loginctl disable-linger {quoted} || :; systemctl stop user-{uid}.slice || :"
    # What left its session's cgroup, by the UID that is about to be nobody's.
    yield (
        f"pkill -KILL -u {uid}; i=0; while pgrep -u {uid} >/dev/null && [ $i -lt 100 ]; do "
        "i=$((i+1)); sleep 0.1; done"
    )
    # A killed run's may be at work, or done by now.
    yield one_at_a_time(f"! id -u {quoted} >/dev/null 2>&1 || userdel --remove {quoted}")
    if empty:
        yield f"for f in {shlex.join(empty)}; do [ -s \"$f\" ] || rm -f \"$f\"; done"


@operation()
def subordinate_ids(
    user: str, uids: Sequence[str], gids: Sequence[str]
) -> Generator[str, None, None]:
    """Take ranges of subordinate IDs away from a user that stays.

    Args:
        user: its name.
        uids: lines of /etc/subuid.
        gids: lines of /etc/subgid.
    """
    for path, option, lines in (
        ("/etc/subuid", "--del-subuids", uids), ("/etc/subgid", "--del-subgids", gids),
    ):
        for line in lines:
            _, first, count = line.split(":")
            last = int(first) + int(count) - 1
            # 8 is usermod(8)'s word for a user who is logged in, who may be the one to run this.
            yield (
                f"usermod {option} {int(first)}-{last} {shlex.quote(user)} || {{ [ $? = 8 ] && "
                f"sed -i {shlex.quote(f'/^{re.escape(line)}$/d')} {path}; }}"
            )


@operation()
def home_files(
    user: str, paths: Sequence[str], directories: Sequence[str]
) -> Generator[str, None, None]:
    """Remove files in a user's home with no more rights than that user has.

    Args:
        user: its name.
        paths: the files, absolute.
        directories: that go as well where nothing is left in them, the deepest first.
    """
    code = f"rm -f {shlex.join(paths)}; {without_empty(directories)}"
    yield f"cd / && runuser -u {shlex.quote(user)} -- sh -c {shlex.quote(code)}"


@operation()
def put_back(
    path: str, old: OldFile, user: str = "root"
) -> Generator[StringCommand, None, None]:
    """Put a file back that ours had replaced.

    Args:
        path: where, absolute.
        old: what it was.
        user: who writes it.
    """
    if user == "root":
        yield content.put(path, old.content, old.mode, old.owner, old.group)
    else:
        yield content.put_as(user, path, old.content, old.mode)


def without_empty(directories: Sequence[str]) -> str:
    """Return shell code that removes those of the directories that are empty, in this order."""
    if not directories:
        return ":"
    return (
        f"for d in {shlex.join(directories)}; do "
        '[ ! -d "$d" ] || rmdir --ignore-fail-on-non-empty "$d"; done'
    )


