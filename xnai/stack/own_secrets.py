"""Secrets of the user's own, for service_sources: made on the host, or read from a file here."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from xnai.settings.model import Settings

_MOST_BYTES = 64 << 10
# scrypt with 16 MiB and some 50 ms a try: the label is read by whoever reads the stack user's
# Podman, who has the secrets as well; this is for logs and screens that show it.
_SCRYPT: dict[str, int] = {"n": 1 << 14, "r": 8, "p": 1, "dklen": 16}


class SecretRefused(Exception):
    """A secret's file cannot be taken; the text says why, and never its content."""


def podman_name(settings: Settings, name: str) -> str:
    """Return the Podman secret of one of the stack's secrets."""
    return f"{settings.stack_name}_{name}"


def forms(settings: Settings) -> tuple[dict[str, str], ...]:
    """Return all of them as catalogue.secret_forms has them."""
    return tuple({podman_name(settings, name): "%s"} for name in settings.own_secrets)


def given(settings: Settings) -> frozenset[str]:
    """Return the Podman secrets whose values lie in files on the controller."""
    return frozenset(
        podman_name(settings, name) for name, path in settings.own_secrets.items() if path
    )


def read(path: Path) -> bytes:
    """Return the value in a file, without the end of its one line.

    Raises:
        SecretRefused: it is no plain file, others may read it, or there is no value in it.
    """
    try:
        # A FIFO would wait for a writer.
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise SecretRefused(error.strerror or "cannot be opened") from None
    try:
        found = os.fstat(number)
        if not stat.S_ISREG(found.st_mode):
            raise SecretRefused("no plain file")
        if found.st_mode & 0o077:
            raise SecretRefused(
                f"others may read it (mode {stat.S_IMODE(found.st_mode):04o}): chmod 600"
            )
        value = os.read(number, _MOST_BYTES + 1)
    except OSError as error:
        raise SecretRefused(error.strerror or "cannot be read") from None
    finally:
        os.close(number)
    value = value.removesuffix(b"\n").removesuffix(b"\r")
    if not value or len(value) > _MOST_BYTES or b"\0" in value:
        raise SecretRefused(f"1 to {_MOST_BYTES} bytes without NUL are wanted in it")
    return value


def values(settings: Settings) -> dict[str, bytes]:
    """Return what the user's files hold, by Podman secret.

    Raises:
        SecretRefused: a file cannot be taken.
    """
    found = {}
    for name, path in settings.own_secrets.items():
        if path is not None:
            try:
                found[podman_name(settings, name)] = read(Path(path))
            except SecretRefused as refused:
                raise SecretRefused(f"own_secrets[{name!r}] = {path!r}: {refused}") from None
    return found


def label(value: bytes, salt: bytes | None = None) -> str:
    """Return what tells this value from others and does not tell the value.

    Args:
        value: of the secret.
        salt: 16 bytes; random ones by default.
    """
    salt = secrets.token_bytes(16) if salt is None else salt
    return f"{salt.hex()}:{hashlib.scrypt(value, salt=salt, **_SCRYPT).hex()}"


def is_of(value: bytes, said: str) -> bool:
    """Return whether a label was made of this value."""
    try:
        salt = bytes.fromhex(said.partition(":")[0])
    except ValueError:
        return False
    return hmac.compare_digest(label(value, salt), said)


def changed(
    wanted: Mapping[str, bytes], there: Mapping[str, str], labels: Mapping[str, str]
) -> dict[str, str]:
    """Return the given secrets to store: name -> what differs, in words.

    Args:
        wanted: Podman secret -> what its file holds.
        there: name -> ID of those that exist.
        labels: name -> the label of its value, of those that have one.
    """
    found = {}
    for name, value in wanted.items():
        if name not in there:
            found[name] = "absent"
        elif not is_of(value, labels.get(name, "")):
            found[name] = "its file holds another value"
    return found
