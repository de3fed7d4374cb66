"""What the program on the host is told; nothing in it is secret."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Part:
    """A service of the stack.

    Attributes:
        name: of the service.
        container: its container's name.
        image: its image's reference.
        depends_on: containers that must be healthy before it starts.
        volumes: volume -> uid:gid of its owner, as containers see it.
        ready_url: what it answers on this machine once it serves; empty where its health check
            says so already.
        tag_is_version: whether its image's tag says which version its data are of.
    """

    name: str
    container: str
    image: str
    depends_on: tuple[str, ...]
    volumes: dict[str, str]
    ready_url: str = ""
    tag_is_version: bool = False


@dataclass(frozen=True)
class Database:
    """The PostgreSQL service: its name, the database, its user, the Podman secret of the latter."""

    service: str
    name: str
    user: str
    secret: str


@dataclass(frozen=True)
class BackupSpec:
    """One run of the program.

    Attributes:
        action: make or restore.
        stack: the stack's name.
        podman: the program that is Podman as the stack's user.
        directory: where archives are, absolute.
        parts: the services, in dependency order.
        redis: service name of Redis.
        database: the database, or None.
        secrets: names of the stack's Podman secrets.
        recipient: public key of age to encrypt for, or empty.
        passphrase_file: path on the host, or empty.
        identity_file: of age, to decrypt with; path on the host, or empty.
        restore_from: the archive to restore, or empty.
        timeout_s: how long a service may take until it is healthy.
        copy: how to copy an archive from the controller, with {path} and {name}.
        unfinished: path of the mark of a restore that has not ended.
    """

    action: str
    stack: str
    podman: str
    directory: str
    parts: tuple[Part, ...]
    redis: str
    database: Database | None
    secrets: tuple[str, ...]
    recipient: str
    passphrase_file: str
    identity_file: str
    restore_from: str
    timeout_s: int
    copy: str
    unfinished: str

    def text(self) -> str:
        """Return it as JSON."""
        return json.dumps(dataclasses.asdict(self))


def parse(text: str) -> BackupSpec:
    """Return what BackupSpec.text() wrote."""
    values: dict[str, Any] = json.loads(text)
    parts = tuple(
        Part(**(part | {"depends_on": tuple(part["depends_on"])})) for part in values["parts"]
    )
    database = Database(**values["database"]) if values["database"] else None
    return BackupSpec(
        **(values | {"parts": parts, "database": database, "secrets": tuple(values["secrets"])})
    )
