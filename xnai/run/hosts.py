"""The inventory's groups: from a hosts file, or this machine alone."""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path
from typing import Any

from xnai.stack.catalogue import SCHEMA

Groups = dict[str, Any]


def groups(root: Path) -> Groups:
    """Return the groups for pyinfra, each a list of hosts or (hosts, data).

    Args:
        root: the checkout; its hosts.py is read if XNAI_HOSTS names no other file.

    Raises:
        SystemExit: the hosts file is missing, does not load, defines no group, or has a setting
            that is no host's.
    """
    named = os.environ.get("XNAI_HOSTS")
    path = Path(named) if named else root / "hosts.py"
    if not named and not path.exists():
        return {"workstations": [("@local", _become_root({}, local=True))]}
    if not path.is_file():
        sys.exit(f"XNAI_HOSTS = {named}: no such file. Unset it to use {root / 'hosts.py'}.")
    try:
        names = runpy.run_path(str(path))
    except Exception as error:
        sys.exit(f"{path} does not load: {type(error).__name__}: {error}")
    if settings := sorted(SCHEMA.declarations.keys() & names.keys()):
        # A list would be taken for a group of hosts, and anything else for nothing at all.
        name = settings[0]
        sys.exit(
            f"{path}: {', '.join(settings)}: a setting stands here beside its host alone: "
            f'workstations = [("laptop.lan", {{"{name}": ...}})]. For all hosts of a group write '
            f"it into group_data/<group>.py, as group_data/workstations.py: {name} = ..."
        )
    found = {
        name: value
        for name, value in names.items()
        if not name.startswith("_") and isinstance(value, list | tuple)
    }
    if not any(found.values()):
        sys.exit(f"{path}: no group with hosts. Write for example: workstations = ['laptop.lan']")
    for name, value in found.items():
        if not _is_group(value):
            sys.exit(
                f"{path}: {name} is no group of hosts: a list of names or (name, data), or that "
                f"list with data for all: {name} = (['laptop.lan'], {{'ssh_user': 'me'}})."
            )
    return {name: _with_sudo(value) for name, value in found.items()}


def _is_group(value: Any) -> bool:
    """Whether pyinfra takes it for a group: hosts, or (hosts, data)."""
    hosts = value
    if isinstance(value, tuple):
        if len(value) != 2 or not isinstance(value[1], dict):
            return False
        hosts = value[0]
    return isinstance(hosts, list) and all(
        isinstance(host, str)
        or (
            isinstance(host, tuple) and len(host) == 2
            and isinstance(host[0], str) and isinstance(host[1], dict)
        )
        for host in hosts
    )


def _with_sudo(group: Any) -> Any:
    """The same group with sudo switched on for hosts that log in as somebody else than root."""
    if isinstance(group, tuple):
        hosts, data = group
        return _with_sudo_hosts(hosts, data), data
    return _with_sudo_hosts(group, {})


def _with_sudo_hosts(hosts: list[Any], shared: dict[str, Any]) -> list[Any]:
    changed = []
    for host in hosts:
        name, data = host if isinstance(host, tuple) else (host, {})
        changed.append((name, _become_root({**data}, local=name == "@local", shared=shared)))
    return changed


def _become_root(
    data: dict[str, Any], local: bool, shared: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Add `_sudo` where the login is known not to be root's and nothing else was said."""
    everything = {**(shared or {}), **data}
    if {"_sudo", "_su_user", "_doas", "_dzdo"} & set(everything):
        return data
    user = everything.get("ssh_user")
    if (local and os.geteuid() != 0) or (not local and user not in (None, "root")):
        data["_sudo"] = True
    return data
