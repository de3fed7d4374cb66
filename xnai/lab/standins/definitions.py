"""What each stand-in is made of and which image's contract it keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from xnai.lab import paths

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Where the official PostgreSQL image looks for what to run on a new database.
INITDB_SCRIPTS = "docker-entrypoint-initdb.d"
SCRIPTS = paths.PACKAGE / "standins"


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
        skip: steps of mmdebstrap's own cleaning that are left out.
        entrypoint: the file beside this module that becomes the image's entry point.
        program: the Go source beside this module that is the image's only program; the packages
            are then what it is built with, and are no part of the image.
        place: where that program is in the image.
        config: the image's ``config`` object.
    """

    repository: str
    tag: str
    suite: str
    packages: tuple[str, ...]
    essential_hooks: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    entrypoint: str | None = None
    program: str | None = None
    place: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """Repository and tag."""
        return f"{self.repository}:{self.tag}"

    def given(self) -> dict[str, Any]:
        """What differs from the defaults: a new kind of field makes nobody build anew.

        Returns:
            Values by field.
        """
        pairs = ((item, getattr(self, item.name)) for item in fields(self))
        return {item.name: value for item, value in pairs if value and value != item.default}

    @property
    def script(self) -> Path | None:
        """The entry point's file."""
        return SCRIPTS / self.entrypoint if self.entrypoint else None

    @property
    def source(self) -> Path | None:
        """The program's source."""
        return SCRIPTS / self.program if self.program else None

    def labels(self) -> dict[str, str]:
        """What says, inside the image, that it is not the official one.

        Returns:
            Labels by name.
        """
        lacks = "has none of that image's functions" if self.program else "is not that image"
        return {
            "org.opencontainers.image.title": f"stand-in for docker.io/{self.reference}",
            "org.opencontainers.image.description": (
                f"Built by `xnai lab` from packages of Debian {self.suite}. It keeps the "
                f"official image's users, paths and entry point; it {lacks}."
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


def _user(name: str, home: str) -> tuple[str, ...]:
    """Hooks that make a user 999:999, as the official images do before anything else."""
    return (
        f'echo {name}:x:999: >> "$1/etc/group"',
        f'echo {name}:x:999:999::{home}:/bin/sh >> "$1/etc/passwd"',
    )


def redis(tag: str, suite: str) -> StandIn:
    """Redis of a Debian suite.

    Facts from the official image's page: https://hub.docker.com/_/redis.

    Args:
        tag: the stand-in's tag: the version that the suite has.
        suite: the Debian suite.

    Returns:
        The definition.
    """
    return StandIn(
        repository="library/redis",
        tag=tag,
        suite=suite,
        packages=("redis-server", "redis-tools", "util-linux", "findutils"),
        essential_hooks=_user("redis", "/home/redis"),
        hooks=('mkdir "$1/data"', 'chroot "$1" chown redis:redis /data'),
        entrypoint="redis-entrypoint.sh",
        config={
            "Env": [PATH],
            "Cmd": ["redis-server"],
            "ExposedPorts": {"6379/tcp": {}},
            "Volumes": {"/data": {}},
            "WorkingDir": "/data",
        },
    )


def _postgres_hooks(major: str, data: str) -> tuple[str, ...]:
    """What is changed in the root file system once the packages are there."""
    return (
        # Recreated by every installation, and a private key is nothing for an image.
        'rm -f "$1"/etc/ssl/private/ssl-cert-snakeoil.key',
        'find "$1/etc/ssl/certs" -lname ssl-cert-snakeoil.pem -delete',
        'rm -f "$1"/etc/ssl/certs/ssl-cert-snakeoil.pem',
        # Holds the passing name of a file, so that no two builds were the same.
        'rm -f "$1"/var/cache/debconf/*',
        # The compiler of queries: a third of the image, and not missed where it is not there.
        'rm -rf "$1"/usr/lib/x86_64-linux-gnu/libLLVM* "$1"/usr/lib/x86_64-linux-gnu/libz3* '
        f'"$1"/usr/lib/postgresql/{major}/lib/llvmjit* '
        f'"$1"/usr/lib/postgresql/{major}/lib/bitcode',
        # The official image's default locale; /usr/share/i18n is not needed after this.
        'chroot "$1" localedef -i en_US -f UTF-8 en_US.UTF-8',
        'rm -rf "$1/usr/share/i18n"',
        "sed -i \"s/^#*listen_addresses = .*/listen_addresses = '*'/\" "
        f'"$1/usr/share/postgresql/{major}/postgresql.conf.sample"',
        # Writable for everybody, so that any user may start it: the entry point closes it.
        f'rm -rf "$1"/run/*; mkdir "$1{data}" "$1/run/postgresql" "$1/{INITDB_SCRIPTS}"',
        f'chroot "$1" chown postgres:postgres /var/lib/postgresql {data} /run/postgresql',
        f'chroot "$1" chmod 1777 {data}; chroot "$1" chmod 3777 /run/postgresql',
    )


def postgres(major: str, suite: str) -> StandIn:
    """PostgreSQL of a Debian suite, up to 17 (18 moved the data's folder).

    Facts from the official image's page: https://hub.docker.com/_/postgres.

    Args:
        major: the major version that the suite has; the stand-in's tag.
        suite: the Debian suite.

    Returns:
        The definition.
    """
    data = "/var/lib/postgresql/data"
    return StandIn(
        repository="library/postgres",
        tag=major,
        suite=suite,
        packages=(f"postgresql-{major}", "locales", "util-linux", "findutils"),
        essential_hooks=(
            *_user("postgres", "/var/lib/postgresql"),
            # Debian's package makes a cluster of its own otherwise.
            'mkdir -p "$1/etc/postgresql-common"',
            'echo create_main_cluster = false > "$1/etc/postgresql-common/createcluster.conf"',
        ),
        hooks=_postgres_hooks(major, data),
        # It would empty /run, where the image has the socket's folder.
        skip=("cleanup/run",),
        entrypoint="postgres-entrypoint.sh",
        config={
            "Env": [
                f"{PATH}:/usr/lib/postgresql/{major}/bin",
                "LANG=en_US.utf8",
                f"PG_MAJOR={major}",
                f"PGDATA={data}",
            ],
            "Cmd": ["postgres"],
            "ExposedPorts": {"5432/tcp": {}},
            "Volumes": {data: {}},
            # Fast shutdown: open sessions are ended, data is written.
            "StopSignal": "SIGINT",
        },
    )


REDIS = redis("8.0", "trixie")
# What was current before: for tests of going up and coming back.
REDIS_BEFORE = redis("7.0", "bookworm")
POSTGRES = postgres("17", "trixie")
POSTGRES_BEFORE = postgres("15", "bookworm")

# The program is not among Debian's packages: what stands in for it keeps the outer contract
# alone (docs/vikunja.md), and its tag is no version of Vikunja.
VIKUNJA = StandIn(
    repository="vikunja/vikunja",
    tag="contract",
    suite="trixie",
    packages=("golang-go", "golang-github-lib-pq-dev"),
    program="vikunja-contract.go",
    place="/app/vikunja/vikunja",
    config={
        "User": "1000",
        "Env": ["VIKUNJA_SERVICE_ROOTPATH=/app/vikunja/", "VIKUNJA_DATABASE_PATH=/db/vikunja.db"],
        "Entrypoint": ["/app/vikunja/vikunja"],
        "ExposedPorts": {"3456/tcp": {}},
        "WorkingDir": "/app/vikunja",
    },
)

# What a deploy with the lab's settings pulls; the others only tests ask for.
NEEDED = (PYTHON, REDIS, POSTGRES, VIKUNJA)
ALL = (PYTHON, REDIS, REDIS_BEFORE, POSTGRES, POSTGRES_BEFORE, VIKUNJA)
