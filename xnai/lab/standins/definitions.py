"""What each stand-in is made of and which image's contract it keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from xnai.lab import paths

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
REDIS_ENTRYPOINT = paths.PACKAGE / "standins" / "redis-entrypoint.sh"


@dataclass(frozen=True)
class StandIn:
    """An image built here in place of an official one.

    Args:
        repository: its name on Docker Hub.
        tag: its tag.
        suite: the Debian suite that it is made of.
        packages: what is installed into it.
        essential_hooks: mmdebstrap hooks before the packages, for users with fixed numbers.
        hooks: mmdebstrap hooks after them.
        config: the image's ``config`` object.
    """

    repository: str
    tag: str
    suite: str
    packages: tuple[str, ...]
    essential_hooks: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """Repository and tag."""
        return f"{self.repository}:{self.tag}"

    def labels(self) -> dict[str, str]:
        """What says, inside the image, that it is not the official one.

        Returns:
            Labels by name.
        """
        return {
            "org.opencontainers.image.title": f"stand-in for docker.io/{self.reference}",
            "org.opencontainers.image.description": (
                f"Built by `xnai lab` from packages of Debian {self.suite}. It keeps the "
                "official image's users, paths and entry point; it is not that image."
            ),
            "org.opencontainers.image.vendor": "xnai lab",
            "xnai.lab.stand-in": "true",
        }


PYTHON = StandIn(
    repository="library/python",
    tag="3.13-slim",
    suite="trixie",
    packages=("python3", "python3-venv", "python3-pip", "ca-certificates"),
    hooks=(
        # The official interpreter is nobody's but pip's.
        'rm -f "$1"/usr/lib/python3.13/EXTERNALLY-MANAGED',
        "for name in python python3 python3.13; do "
        'ln -s /usr/bin/python3.13 "$1/usr/local/bin/$name"; done',
        'for name in pip pip3; do ln -s /usr/bin/pip3 "$1/usr/local/bin/$name"; done',
    ),
    config={"Env": [PATH, "LANG=C.UTF-8"], "Cmd": ["python3"]},
)

REDIS = StandIn(
    repository="library/redis",
    tag="8.0",
    suite="trixie",
    packages=("redis-server", "redis-tools", "util-linux", "findutils"),
    essential_hooks=(
        'echo redis:x:999: >> "$1/etc/group"',
        'echo redis:x:999:999::/home/redis:/bin/sh >> "$1/etc/passwd"',
    ),
    hooks=(
        f'upload "{REDIS_ENTRYPOINT}" /usr/local/bin/docker-entrypoint.sh',
        'chmod 755 "$1/usr/local/bin/docker-entrypoint.sh"',
        'mkdir "$1/data"',
        'chroot "$1" chown redis:redis /data',
    ),
    config={
        "Env": [PATH],
        "Entrypoint": ["docker-entrypoint.sh"],
        "Cmd": ["redis-server"],
        "ExposedPorts": {"6379/tcp": {}},
        "Volumes": {"/data": {}},
        "WorkingDir": "/data",
    },
)

ALL = (PYTHON, REDIS)
