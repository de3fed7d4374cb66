"""The backup's program as one file that the host's Python runs, and what it is told."""

from __future__ import annotations

from xnai.backup.program import pack
from xnai.backup.spec import Database, Part, Spec
from xnai.before import DIRECTORY
from xnai.catalogue import secret_forms
from xnai.facts.podman import XNAI_PODMAN
from xnai.settings.model import Settings
from xnai.stack_plan import StackPlan

MODULES = tuple(
    f"backup/{name}" for name in (
        "archive", "encryption", "ending", "host", "podman", "psql", "role", "safe_path", "spec",
        "unfinished", "versions", "whole_file",
    )
)
_MAIN = """\
import sys

from xnai.backup.host import main
from xnai.backup.spec import parse

sys.exit(main(parse({text!r})))
"""
REDIS = "redis"
DATABASE = "vikunja_db"


def home(settings: Settings) -> str:
    """Return the directory of the backups that is there by default; it is root's alone."""
    return f"{DIRECTORY}/{settings.stack_name}/backup"


def unfinished(settings: Settings) -> str:
    """Return the path of the mark of a restore that has not ended.

    Not in the backups' directory: the stack's user cannot see what is in there, and the boot unit
    is that user's.
    """
    return f"{DIRECTORY}/{settings.stack_name}/unfinished-restore"


def database(wanted: StackPlan) -> Database | None:
    """Return the stack's database, if it has one."""
    for service in wanted.services:
        if service.name == DATABASE:
            environment = dict(service.environment)
            return Database(
                service.name, environment["POSTGRES_DB"], environment["POSTGRES_USER"],
                service.secrets[0].secret,
            )
    return None


def make_spec(settings: Settings, wanted: StackPlan, action: str, copy: str) -> Spec:
    """Return what the program is told.

    Args:
        settings: the host's.
        wanted: its stack.
        action: make or restore, or empty for another program that is told the same.
        copy: how an archive is copied, with {path} and {name}.
    """
    containers = {service.name: service.container_name for service in wanted.services}
    return Spec(
        action=action,
        stack=settings.stack_name,
        podman=XNAI_PODMAN,
        directory=settings.backup_dir or home(settings),
        parts=tuple(
            Part(
                service.name, service.container_name, wanted.references[service.name],
                tuple(containers[name] for name in service.depends_on),
                {volume: wanted.volumes[volume] for volume, _ in service.volumes},
                service.ready_url,
            )
            for service in wanted.services
        ),
        redis=REDIS,
        database=database(wanted),
        secrets=tuple(name for forms in secret_forms(settings) for name in forms),
        recipient=settings.backup_age_recipient or "",
        passphrase_file=settings.backup_passphrase_file or "",
        identity_file=settings.restore_age_identity_file or "",
        restore_from=settings.restore_from or "",
        timeout_s=settings.stack_healthy_timeout_s,
        copy=copy,
        unfinished=unfinished(settings),
    )


def bundle(spec: Spec) -> bytes:
    """Return the program with its specification, for `python3 FILE`."""
    return pack(_MAIN.format(text=spec.text()), MODULES)
