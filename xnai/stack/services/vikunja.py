"""Vikunja, the task list; with its database in a compose file of their own."""

from __future__ import annotations

from dataclasses import dataclass

from xnai.settings import checks
from xnai.settings.declaration import MemoryDefaults, setting
from xnai.settings.model import Settings
from xnai.stack.model import BuiltIn, SecretFile, Service
from xnai.stack.shared import data_network, memory

PART = "vikunja"
DATABASE = "vikunja"

# The official image's user. There is nothing but the program in it (FROM scratch).
UID = 1000
GID = 1000
_PROGRAM = "/app/vikunja/vikunja"
_FILES = "/app/vikunja/files"

# With PostgreSQL's own 100, a hundred clients at once took 358 MiB of it; with 10 the same work
# took as long, and 96 MiB (docs/vikunja.md).
_CONNECTIONS = 10


@dataclass(frozen=True)
class VikunjaSettings:
    """Vikunja's own settings."""

    vikunja: bool = setting(
        True,
        checks.boolean,
        "Vikunja, the task list, with its own PostgreSQL; in a compose file of its own. False: "
        "neither.",
    )
    vikunja_image: str = setting(
        "docker.io/vikunja/vikunja:2.5.0",
        checks.image,
        "Fully qualified, with a full tag and optionally a digest; see base_image.",
    )
    vikunja_port: int = setting(
        3456, checks.port, "Published on 127.0.0.1.", switch="vikunja",
    )
    vikunja_public_url: str | None = setting(
        None,
        checks.optional(checks.index_url),
        "The address under which browsers reach it, where that is another one (a proxy of yours in "
        "front of it): links and mails name it. None: http://127.0.0.1:<vikunja_port>/.",
    )
    vikunja_time_zone: str = setting(
        None,
        checks.optional(checks.time_zone),
        "When new accounts' days begin and reminders come; a name of the tz database, as "
        "\"Europe/Berlin\". None: the host's own.",
        derived=lambda host: host.time_zone,
    )
    vikunja_account_name: str | None = setting(
        None,
        # Vikunja's own commands take digits alone for an account's number.
        checks.optional(checks.pattern(
            r"(?![0-9]+$)[A-Za-z0-9][A-Za-z0-9._-]{2,249}",
            "3 to 250 letters, digits, dots, _ and -, and not digits alone",
        )),
        "For one run of tasks/vikunja_account.py, as `--data vikunja_account_name=anna --data "
        "vikunja_account_email=anna@example.org`: the account to make. It asks for the "
        "password.",
    )
    vikunja_account_email: str | None = setting(
        None,
        checks.optional(checks.pattern(
            r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+", "an address, as name@example.org"
        )),
    )
    end_vikunja_sessions: bool = setting(
        False,
        checks.boolean,
        "For one run of tasks/rotate_secrets.py, as `--data end_vikunja_sessions=True`: everybody "
        "must log in to Vikunja again. New secrets alone do not do that.",
    )


def service(settings: Settings) -> Service | None:
    """Return Vikunja with these settings, or None where they switch it off."""
    stack, own = settings.stack_name, settings.of(VikunjaSettings)
    if not own.vikunja:
        return None
    secret_files = tuple(
        SecretFile(f"{stack}_{name}", name, UID, GID)
        for name in ("vikunja_db_password", "vikunja_secret", "redis_password")
    )
    return Service(
        name="vikunja",
        container_name=f"{stack}_vikunja",
        part=PART,
        image=own.vikunja_image,
        memory=memory(settings, "vikunja"),
        networks=(stack, data_network(settings)),
        user=f"{UID}:{GID}",
        environment=_environment(settings, own),
        # Not `healthcheck`: that one migrates the database, without a lock, beside the server
        # (docs/vikunja.md). This one says "passed" while the server still migrates, so whoever
        # waits asks for ready_path as well.
        health_command=(_PROGRAM, "doctor"),
        # Under load, and on a slow machine.
        health_timeout_s=20,
        ready_path="/health",
        # SIGTERM ends it at once, in the middle of an upload.
        stop_signal="SIGINT",
        port=3456,
        published_port=own.vikunja_port,
        volumes=((f"{stack}_vikunja_files", _FILES),),
        tmpfs=("/tmp",),  # noqa: S108
        secrets=secret_files,
        depends_on=("redis", "vikunja_db"),
        migrates=("vikunja_db",),
        url_path="/",
        tag_is_version=True,
    )


def _environment(settings: Settings, own: VikunjaSettings) -> tuple[tuple[str, str], ...]:
    return (
        (
            "VIKUNJA_SERVICE_PUBLICURL",
            own.vikunja_public_url or f"http://127.0.0.1:{own.vikunja_port}/",
        ),
        ("VIKUNJA_SERVICE_ENABLEREGISTRATION", "false"),
        ("VIKUNJA_SERVICE_TIMEZONE", own.vikunja_time_zone),
        # Its pages come from the same origin; by default every loopback origin may ask.
        ("VIKUNJA_CORS_ENABLE", "false"),
        ("VIKUNJA_SERVICE_SECRET_FILE", "/run/secrets/vikunja_secret"),
        ("VIKUNJA_DATABASE_TYPE", "postgres"),
        ("VIKUNJA_DATABASE_HOST", "vikunja_db:5432"),
        ("VIKUNJA_DATABASE_USER", DATABASE),
        ("VIKUNJA_DATABASE_DATABASE", DATABASE),
        ("VIKUNJA_DATABASE_PASSWORD_FILE", "/run/secrets/vikunja_db_password"),
        ("VIKUNJA_DATABASE_MAXOPENCONNECTIONS", str(_CONNECTIONS)),
        ("VIKUNJA_REDIS_ENABLED", "true"),
        ("VIKUNJA_REDIS_HOST", "redis:6379"),
        ("VIKUNJA_REDIS_PASSWORD_FILE", "/run/secrets/redis_password"),
        ("VIKUNJA_KEYVALUE_TYPE", "redis"),
        # Go's collector works harder from here on, in place of growing into the limit.
        ("GOMEMLIMIT", f"{settings.memory['vikunja'].limit_mib * 5 // 8}MiB"),
        # Exports and large uploads are written here first: on the disk, and not into the
        # tmpfs, which is memory of the container's.
        ("TMPDIR", _FILES),
    )


def secrets(settings: Settings) -> tuple[dict[str, str], ...]:
    """Return what its sessions are signed with."""
    return ({f"{settings.stack_name}_vikunja_secret": "%s"},)


BUILT_IN = BuiltIn(
    name="vikunja",
    place=100,
    settings=VikunjaSettings,
    memory=MemoryDefaults(
        limit_mib=384,
        lowest_mib=64,
        reason="At rest 60 MiB; five uploads of 19 MB at once or a background from a photo of 48 "
        "megapixels take five times that (measured: docs/vikunja.md). Past five eighths of the "
        "limit its garbage collector works harder.",
    ),
    service=service,
    secrets=secrets,
    part=PART,
)
