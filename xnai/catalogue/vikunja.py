"""Vikunja, the task list, and its database: a compose file of their own beside the stack's."""

from __future__ import annotations

from xnai.catalogue.model import SecretFile, Service
from xnai.catalogue.shared import SAVING_STOP_TIMEOUT_S, data_network, memory
from xnai.settings.model import Settings

PART = "vikunja"

# The user `postgres` of the official image (Debian variant), which makes it with these numbers,
# and its data's path up to PostgreSQL 17.
POSTGRES_UID = 999
POSTGRES_GID = 999
_POSTGRES_DATA = "/var/lib/postgresql/data"

# The official image's user. There is nothing but the program in it (FROM scratch).
VIKUNJA_UID = 1000
VIKUNJA_GID = 1000
_VIKUNJA = "/app/vikunja/vikunja"
_FILES = "/app/vikunja/files"

_DATABASE = "vikunja"

# With PostgreSQL's own 100, a hundred clients at once took 358 MiB of it; with 10 the same work
# took as long, and 96 MiB (docs/vikunja.md).
_CONNECTIONS = 10


def services(settings: Settings) -> tuple[Service, ...]:
    """Return the database and Vikunja, in this order."""
    return _database(settings), _vikunja(settings)


def secret_forms(settings: Settings) -> tuple[dict[str, str], ...]:
    """Return the secrets to generate, as catalogue.secret_forms does."""
    stack = settings.stack_name
    return ({f"{stack}_vikunja_db_password": "%s"}, {f"{stack}_vikunja_secret": "%s"})


def _database(settings: Settings) -> Service:
    stack = settings.stack_name
    return Service(
        name="vikunja_db",
        stop_timeout_s=SAVING_STOP_TIMEOUT_S,
        container_name=f"{stack}_vikunja_db",
        part=PART,
        image=settings.vikunja_db_image,
        memory=memory(settings, "vikunja_db"),
        networks=(data_network(settings),),
        user=f"{POSTGRES_UID}:{POSTGRES_GID}",
        # A quarter of the memory, as PostgreSQL's documentation has it (shared_buffers).
        command=(
            "postgres", "-c", f"shared_buffers={settings.vikunja_db_memory_limit_mib // 4}MB",
        ),
        environment=(
            ("POSTGRES_USER", _DATABASE),
            ("POSTGRES_DB", _DATABASE),
            ("POSTGRES_PASSWORD_FILE", "/run/secrets/vikunja_db_password"),
        ),
        # By TCP: while it is initialised the server answers on its socket alone.
        health_command=("pg_isready", "-q", "-h", "127.0.0.1", "-U", _DATABASE, "-d", _DATABASE),
        port=5432,
        volumes=((f"{stack}_vikunja_db_data", _POSTGRES_DATA),),
        tmpfs=("/tmp", "/run/postgresql"),  # noqa: S108  (paths inside containers)
        secrets=(
            SecretFile(
                f"{stack}_vikunja_db_password", "vikunja_db_password", POSTGRES_UID, POSTGRES_GID
            ),
        ),
    )


def _vikunja(settings: Settings) -> Service:
    stack = settings.stack_name
    secrets = tuple(
        SecretFile(f"{stack}_{name}", name, VIKUNJA_UID, VIKUNJA_GID)
        for name in ("vikunja_db_password", "vikunja_secret", "redis_password")
    )
    return Service(
        name="vikunja",
        container_name=f"{stack}_vikunja",
        part=PART,
        image=settings.vikunja_image,
        memory=memory(settings, "vikunja"),
        networks=(stack, data_network(settings)),
        user=f"{VIKUNJA_UID}:{VIKUNJA_GID}",
        environment=(
            ("VIKUNJA_SERVICE_PUBLICURL", f"http://127.0.0.1:{settings.vikunja_port}/"),
            ("VIKUNJA_SERVICE_ENABLEREGISTRATION", "false"),
            ("VIKUNJA_SERVICE_TIMEZONE", settings.vikunja_time_zone),
            # Its pages come from the same origin; by default every loopback origin may ask.
            ("VIKUNJA_CORS_ENABLE", "false"),
            ("VIKUNJA_SERVICE_SECRET_FILE", "/run/secrets/vikunja_secret"),
            ("VIKUNJA_DATABASE_TYPE", "postgres"),
            ("VIKUNJA_DATABASE_HOST", "vikunja_db:5432"),
            ("VIKUNJA_DATABASE_USER", _DATABASE),
            ("VIKUNJA_DATABASE_DATABASE", _DATABASE),
            ("VIKUNJA_DATABASE_PASSWORD_FILE", "/run/secrets/vikunja_db_password"),
            ("VIKUNJA_DATABASE_MAXOPENCONNECTIONS", str(_CONNECTIONS)),
            ("VIKUNJA_REDIS_ENABLED", "true"),
            ("VIKUNJA_REDIS_HOST", "redis:6379"),
            ("VIKUNJA_REDIS_PASSWORD_FILE", "/run/secrets/redis_password"),
            ("VIKUNJA_KEYVALUE_TYPE", "redis"),
            # Go's collector works harder from here on, in place of growing into the limit.
            ("GOMEMLIMIT", f"{settings.vikunja_memory_limit_mib * 5 // 8}MiB"),
            # Exports and large uploads are written here first: on the disk, and not into the
            # tmpfs, which is memory of the container's.
            ("TMPDIR", _FILES),
        ),
        # Not `healthcheck`: that one migrates the database, without a lock, beside the server
        # (docs/vikunja.md). This one says "passed" while the server still migrates, so whoever
        # waits asks for ready_path as well.
        health_command=(_VIKUNJA, "doctor"),
        # Under load, and on a slow machine.
        health_timeout_s=20,
        ready_path="/health",
        # SIGTERM ends it at once, in the middle of an upload.
        stop_signal="SIGINT",
        port=3456,
        published_port=settings.vikunja_port,
        volumes=((f"{stack}_vikunja_files", _FILES),),
        tmpfs=("/tmp",),  # noqa: S108
        secrets=secrets,
        depends_on=("redis", "vikunja_db"),
        migrates=("vikunja_db",),
        url_path="/",
    )
