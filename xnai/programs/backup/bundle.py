"""The backup's program as one file that the host's Python runs, and what it is told."""

from __future__ import annotations

from xnai.facts.podman_call import XNAI_PODMAN
from xnai.programs.backup.spec import BackupSpec, Database, Part
from xnai.programs.pack import pack
from xnai.programs.role.bundle import database_of
from xnai.settings.model import Settings
from xnai.stack.catalogue import secret_forms
from xnai.stack.paths import backup_home, restore_marker
from xnai.stack.plan import StackPlan

_MAIN = """\
import sys

from xnai.programs.backup.host import main
from xnai.programs.backup.spec import parse

sys.exit(main(parse({text!r})))
"""


def database(wanted: StackPlan) -> Database | None:
    """Return the stack's database, if it has one."""
    for service in wanted.services:
        if service.store == "postgresql":
            return database_of(service)
    return None


def make_spec(settings: Settings, wanted: StackPlan, action: str, copy: str) -> BackupSpec:
    """Return what the program is told.

    Args:
        settings: the host's.
        wanted: its stack.
        action: make or restore, or empty for another program that is told the same.
        copy: how an archive is copied, with {path} and {name}.
    """
    containers = {service.name: service.container_name for service in wanted.services}
    return BackupSpec(
        action=action,
        stack=settings.stack_name,
        podman=XNAI_PODMAN,
        directory=settings.backup_dir or backup_home(settings),
        parts=tuple(
            Part(
                service.name, service.container_name, wanted.references[service.name],
                tuple(containers[name] for name in service.depends_on),
                {volume: wanted.volumes[volume] for volume, _ in service.volumes},
                service.ready_url, service.tag_is_version,
            )
            for service in wanted.services
        ),
        redis=next((s.name for s in wanted.services if s.store == "redis"), ""),
        database=database(wanted),
        secrets=tuple(name for forms in secret_forms(settings) for name in forms),
        recipient=settings.backup_age_recipient or "",
        passphrase_file=settings.backup_passphrase_file or "",
        identity_file=settings.restore_age_identity_file or "",
        restore_from=settings.restore_from or "",
        timeout_s=settings.stack_healthy_timeout_s,
        copy=copy,
        unfinished=restore_marker(settings),
    )


def bundle(spec: BackupSpec) -> bytes:
    """Return the program with its specification, for `python3 FILE`."""
    return pack(_MAIN.format(text=spec.text()))
