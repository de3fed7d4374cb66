"""The control groups of a user's containers, and their names, found without asking Podman."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

# As crun and runc name it for Podman with cgroup_manager = "systemd".
_SCOPE = re.compile(r"libpod-([0-9a-f]{64})\.scope")
# Podman's own rule (podman-create(1), --name).
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
_MOST_BYTES = 1 << 16


class ContainerGroups:
    """The containers of one user that run.

    A name is read once from the command line of conmon, which stays with a container: Podman would
    take a second of processor time, and rights that a reader should not have.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        """Make it.

        Args:
            root: of the file system that is read.
        """
        self._root = root
        self._names: dict[str, str] = {}

    def groups(self, uid: int) -> dict[str, str]:
        """Return name -> path of the control group, as `readings.containers` takes it.

        A container whose name is not known has the first twelve digits of its ID.

        Args:
            uid: of the user.
        """
        there = dict(self._scopes(uid))
        if there.keys() - self._names.keys():
            # What is known stays: a name is not taken over.
            self._names = self._ask_conmon(uid) | self._names
        self._names = {one: name for one, name in self._names.items() if one in there}
        found: dict[str, str] = {}
        for one, path in sorted(there.items()):
            name = self._names.get(one, one[:12])
            # conmon has the name of before where a container was renamed, which another one may
            # have by now.
            found[one[:12] if name in found else name] = path
        return found

    def _scopes(self, uid: int) -> Iterable[tuple[str, str]]:
        """ID and path of each container's scope."""
        top = self._root / "sys/fs/cgroup"
        manager = top / f"user.slice/user-{uid}.slice/user@{uid}.service"
        for here, names, _ in os.walk(manager):
            for name in names:
                if match := _SCOPE.fullmatch(name):
                    yield match[1], "/" + str((Path(here) / name).relative_to(top))
            # What is inside of one is the container's own.
            names[:] = [name for name in names if not name.endswith((".scope", ".service"))]

    def _ask_conmon(self, uid: int) -> dict[str, str]:
        """ID -> name of all containers of which a conmon of this user tells."""
        found: dict[str, str] = {}
        with suppress(OSError):
            for entry in os.listdir(self._root / "proc"):  # noqa: PTH208  (names alone)
                if entry.isdigit():
                    # A process may end meanwhile.
                    with suppress(OSError):
                        found |= _told(self._root / "proc" / entry, uid)
        return found


def _told(process: Path, uid: int) -> dict[str, str]:
    """ID -> name, where this process is a conmon of that user's; others could name what they like.

    Raises:
        OSError: the process has ended.
    """
    with (process / "comm").open("rb") as file:
        if file.read(64).strip() != b"conmon":
            return {}
    if process.stat().st_uid != uid:
        return {}
    # Nor one inside of a container, where root has the user's own number.
    with (process / "cgroup").open("rb") as file:
        if _SCOPE.search(file.read(_MOST_BYTES).decode("ascii", "replace")):
            return {}
    with (process / "cmdline").open("rb") as file:
        words = file.read(_MOST_BYTES).decode("utf-8", "replace").split("\0")
    options = dict(itertools.pairwise(words))
    name, one = options.get("-n", ""), options.get("-c", "")
    return {one: name} if _NAME.fullmatch(name) else {}
