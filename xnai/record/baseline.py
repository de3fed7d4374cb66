"""The record of what a host was before its first change, which teardown puts back."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DIRECTORY = "/var/lib/xnai"
RECORD = f"{DIRECTORY}/before.json"
"""Written once, before the first change; a JSON object, root's alone."""

KEPT = f"{DIRECTORY}/kept.json"
"""The record of a stack that was taken down while its data, and so its user, were kept."""

INSTALLED = f"{DIRECTORY}/packages.installed"
"""A line for each package that was installed by us: its name, and how to take it away again:
purge, or remove where its configuration was there before.
"""

INSTALLING = f"{DIRECTORY}/packages.before"
"""Packages with their states before an installation; stays where that was cut off."""

_FORMAT = 1

# Setting the one sets the other to 0 (kernel, admin-guide/sysctl/vm.rst): both are recorded.
BYTES_OF = {
    "vm.dirty_ratio": "vm.dirty_bytes",
    "vm.dirty_background_ratio": "vm.dirty_background_bytes",
}


class DamagedRecord(ValueError):
    """A record cannot be read; the text says what is wrong with it."""


@dataclass(frozen=True)
class OldFile:
    """A file that stood where ours is now: content, mode as 0644, owner and group."""

    content: bytes
    mode: str
    owner: str
    group: str


@dataclass(frozen=True)
class OldUser:
    """The stack's user: whether there was one, lingering, and the lines of subuid(5)."""

    name: str
    existed: bool
    lingering: bool
    subuid: tuple[str, ...]
    subgid: tuple[str, ...]


@dataclass(frozen=True)
class OldZram:
    """zram0: whether the generator was installed, and the swap on it (0 and "" without one)."""

    generator: bool
    swap_active: bool
    disksize_mib: int
    algorithm: str
    priority: int


@dataclass(frozen=True)
class Before:
    """What a host was.

    Attributes:
        sysctls: key -> value of those that our settings name, and of `BYTES_OF`.
        zswap: whether it was on; None where the kernel has none.
        zram: the swap on zram0.
        user: the stack's user.
        files: path -> file that stood where ours is now.
        existing: paths that existed, of the directories above our files and a few more.
    """

    sysctls: dict[str, str]
    zswap: bool | None
    zram: OldZram
    user: OldUser
    files: dict[str, OldFile]
    existing: frozenset[str]

    def text(self) -> str:
        """Return it as JSON."""
        files = {
            path: {
                "content_base64": base64.b64encode(file.content).decode(), "mode": file.mode,
                "owner": file.owner, "group": file.group,
            }
            for path, file in self.files.items()
        }
        values = dataclasses.asdict(self) | {
            "files": files, "existing": sorted(self.existing),
        }
        return json.dumps({"format": _FORMAT} | values, indent=1, sort_keys=True) + "\n"

    def with_sysctls(self, added: Mapping[str, str]) -> Before:
        """Return the record with further keys; those that it has keep their values."""
        return dataclasses.replace(self, sysctls={**added, **self.sysctls})

    def with_kept(self, kept: Before, home: str) -> Before:
        """Return a new record of a host on which a former one's data, and user, were kept.

        Args:
            kept: the former record.
            home: of the user, who is still there.
        """
        inside = (f"{home}/", "/etc/subuid", "/etc/subgid")

        def is_users(path: str) -> bool:
            return path.startswith(inside)

        return dataclasses.replace(
            self,
            # A teardown has put lingering back; it may have been switched on since.
            user=dataclasses.replace(kept.user, lingering=self.user.lingering),
            files={path: file for path, file in self.files.items() if not is_users(path)}
            | {path: file for path, file in kept.files.items() if is_users(path)},
            existing=frozenset(path for path in self.existing if not is_users(path))
            | frozenset(path for path in kept.existing if is_users(path)),
        )


def parse(content: bytes) -> Before:
    """Return what `Before.text` made.

    Raises:
        DamagedRecord: it is something else, or only a part.
    """
    try:
        values = json.loads(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise DamagedRecord("it is no text") from None
    except (ValueError, RecursionError):
        raise DamagedRecord("it is no JSON" if content else "it is empty") from None
    top = _object(values, "the whole")
    if top.get("format") != _FORMAT:
        raise DamagedRecord(f"format is {_shown(top.get('format'))}, {_FORMAT} is known")
    zram = _fields(top, "zram", OldZram)
    user = _fields(top, "user", OldUser)
    zswap = _get(top, "zswap")
    if not (zswap is None or isinstance(zswap, bool)):
        raise DamagedRecord(f"zswap is {_shown(zswap)}, not true, false or null")
    return Before(
        sysctls={
            _word(key, "a sysctl"): _word(value, f"sysctls.{key}")
            for key, value in _object(_get(top, "sysctls"), "sysctls").items()
        },
        zswap=zswap,
        zram=OldZram(
            generator=_bool(zram, "generator"), swap_active=_bool(zram, "swap_active"),
            disksize_mib=_number(zram, "disksize_mib"),
            algorithm=_word(_get(zram, "algorithm"), "zram.algorithm"),
            priority=_number(zram, "priority"),
        ),
        user=OldUser(
            name=_word(_get(user, "name"), "user.name"), existed=_bool(user, "existed"),
            lingering=_bool(user, "lingering"), subuid=_words(user, "subuid"),
            subgid=_words(user, "subgid"),
        ),
        files={
            _path(path): _file(path, value)
            for path, value in _object(_get(top, "files"), "files").items()
        },
        existing=frozenset(_path(path) for path in _words(top, "existing")),
    )


def _fields(top: Mapping[str, Any], name: str, of: type) -> Mapping[str, Any]:
    """A part of the record, with the fields of a class."""
    found = _object(_get(top, name), name)
    if missing := sorted({f.name for f in dataclasses.fields(of)} - set(found)):
        raise DamagedRecord(f"{name} lacks {', '.join(missing)}")
    return found


def _file(path: str, value: object) -> OldFile:
    found = _object(value, f"files.{path}")
    content = _word(_get(found, "content_base64"), f"the content of {path}")
    try:
        decoded = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise DamagedRecord(f"the content of {path} is no base64") from None
    mode = _word(_get(found, "mode"), f"the mode of {path}")
    if not (mode.isascii() and mode.isdigit() and len(mode) == 4):
        raise DamagedRecord(f"the mode of {path} is {_shown(mode)}, not one like 0644")
    return OldFile(
        decoded, mode, _word(_get(found, "owner"), f"the owner of {path}"),
        _word(_get(found, "group"), f"the group of {path}"),
    )


def _get(values: Mapping[str, Any], name: str) -> Any:
    if name not in values:
        raise DamagedRecord(f"{name} is missing")
    return values[name]


def _object(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DamagedRecord(f"{name} is no JSON object but {_shown(value)}")
    return value


def _bool(values: Mapping[str, Any], name: str) -> bool:
    if not isinstance(value := _get(values, name), bool):
        raise DamagedRecord(f"{name} is {_shown(value)}, not true or false")
    return value


def _number(values: Mapping[str, Any], name: str) -> int:
    value = _get(values, name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise DamagedRecord(f"{name} is {_shown(value)}, not a whole number")
    return value


def _word(value: object, name: str) -> str:
    """One line of text: it becomes part of a command."""
    if not isinstance(value, str) or not value.isprintable():
        raise DamagedRecord(f"{name} is {_shown(value)}, not a line of text")
    return value


def _words(values: Mapping[str, Any], name: str) -> tuple[str, ...]:
    if not isinstance(value := _get(values, name), list):
        raise DamagedRecord(f"{name} is {_shown(value)}, not a list")
    return tuple(_word(item, f"an item of {name}") for item in value)


def _path(value: str) -> str:
    if not _word(value, "a path").startswith("/") or ".." in value.split("/"):
        raise DamagedRecord(f"{_shown(value)} is no absolute path")
    return value


def _shown(value: object) -> str:
    """A value for an error, not longer than a line."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
