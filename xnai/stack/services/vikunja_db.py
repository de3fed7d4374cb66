"""Vikunja's PostgreSQL."""

from __future__ import annotations

import re
from dataclasses import dataclass

from xnai.settings.checks import Refused, debian_image
from xnai.settings.declaration import MemoryDefaults, setting
from xnai.settings.model import Settings
from xnai.stack.model import BuiltIn, SecretFile, Service
from xnai.stack.services.vikunja import DATABASE, PART, VikunjaSettings
from xnai.stack.shared import SAVING_STOP_TIMEOUT_S, data_network, memory

# The user `postgres` of the official image (Debian variant), which makes it with these numbers,
# and its data's path up to PostgreSQL 17.
UID = 999
GID = 999
_DATA = "/var/lib/postgresql/data"

# The official image keeps its data elsewhere from here on (/var/lib/postgresql/18/docker), and
# ends where a volume is mounted at the place of before.
_POSTGRES_MOVED = 18


def database_image(value: object) -> str:
    """Check for an image of PostgreSQL whose data are where our volume is mounted."""
    name = debian_image(value)
    path, _, tag = name.partition("@")[0].rpartition(":")
    official = path.rpartition("/")[2] in ("postgres", "postgis")
    # As pgvector has it: 0.8.1-pg17.
    major = re.match(r"([0-9]+)", tag) if official else re.search(r"(?:^|-)pg([0-9]+)", tag)
    if official and major is None:
        raise Refused("a tag that begins with PostgreSQL's major version, as 17; others move")
    if major and int(major[1]) >= _POSTGRES_MOVED:
        raise Refused(
            f"a tag of PostgreSQL below {_POSTGRES_MOVED}; from there on the image keeps its data "
            "in another place, which this stack does not mount"
        )
    return name


@dataclass(frozen=True)
class VikunjaDbSettings:
    """The database's own settings."""

    vikunja_db_image: str = setting(
        "docker.io/library/postgres:17",
        database_image,
        "Fully qualified, with a full tag and optionally a digest; see base_image.",
    )


def service(settings: Settings) -> Service | None:
    """Return the database, or None where there is no Vikunja."""
    stack = settings.stack_name
    if not settings.of(VikunjaSettings).vikunja:
        return None
    return Service(
        name="vikunja_db",
        stop_timeout_s=SAVING_STOP_TIMEOUT_S,
        container_name=f"{stack}_vikunja_db",
        part=PART,
        image=settings.of(VikunjaDbSettings).vikunja_db_image,
        memory=memory(settings, "vikunja_db"),
        networks=(data_network(settings),),
        user=f"{UID}:{GID}",
        # A quarter of the memory, as PostgreSQL's documentation has it (shared_buffers).
        command=(
            "postgres", "-c", f"shared_buffers={settings.memory['vikunja_db'].limit_mib // 4}MB",
        ),
        environment=(
            ("POSTGRES_USER", DATABASE),
            ("POSTGRES_DB", DATABASE),
            ("POSTGRES_PASSWORD_FILE", "/run/secrets/vikunja_db_password"),
        ),
        # By TCP: while it is initialised the server answers on its socket alone.
        health_command=("pg_isready", "-q", "-h", "127.0.0.1", "-U", DATABASE, "-d", DATABASE),
        port=5432,
        volumes=((f"{stack}_vikunja_db_data", _DATA),),
        tmpfs=("/tmp", "/run/postgresql"),  # noqa: S108  (paths inside containers)
        secrets=(
            SecretFile(f"{stack}_vikunja_db_password", "vikunja_db_password", UID, GID),
        ),
        store="postgresql",
    )


def secrets(settings: Settings) -> tuple[dict[str, str], ...]:
    """Return the password of its user."""
    return ({f"{settings.stack_name}_vikunja_db_password": "%s"},)


BUILT_IN = BuiltIn(
    name="vikunja_db",
    place=90,
    settings=VikunjaDbSettings,
    memory=MemoryDefaults(limit_mib=192, lowest_mib=64, protected=True),
    service=service,
    secrets=secrets,
    part=PART,
)
