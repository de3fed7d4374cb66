"""What teardown says at its end."""

from __future__ import annotations

from xnai.facts.machine.config_files import HEADER
from xnai.teardown.model import BACKUP, Found, Plan


def notes(found: Found, here: Plan) -> list[str]:
    """Return the lines for the end of the run.

    Args:
        found: what there is.
        here: what is to be done, without notes.
    """
    settings, remains, account = found.settings, found.remains, found.remains.account
    said = []
    does_something = any(
        getattr(here, name) for name in Plan.__dataclass_fields__
        if name not in ("kept_volumes", "notes", "directories", "keep_record")
    )
    if found.others:
        said.append(
            f"{', '.join(found.others)} is on this machine too: the user, packages, memory "
            "settings, lingering and /opt/xnai stay; the teardown of the last stack removes them"
        )
    elif does_something and found.record is None and not (found.former and found.purge):
        said.append(
            "there is no record of what this machine was before (it was provisioned before there "
            "were any): what is ours goes; the values of sysctls and zswap stay until a reboot, "
            "and packages, the user, its lingering and replaced files stay as they are"
        )
    for path, is_ours in remains.files.items():
        if does_something and not is_ours and not (found.record and path in found.record.files):
            said.append(f"{path} stays: it does not begin with {HEADER!r}")
    if account and found.shared and found.purge and here.user is None and does_something:
        why = (
            f"its Podman store holds {', '.join(found.strangers)}" if found.strangers
            else "it was there before" if found.old_user
            else "nothing says that it was made for the stack"
        )
        said.append(f"the user {settings.stack_user} stays: {why}")
    if account:
        where = f"{account.home}/.local/share/containers/storage/volumes"
        for volume in here.kept_volumes:
            said.append(f"kept: volume {volume} ({where}/{volume}/_data)")
    if here.kept_volumes:
        said.append(
            "kept with them: the stack's secrets, which they need, and the user "
            f"{settings.stack_user}. A deploy finds them again; to remove them: pyinfra "
            f"inventory.py tasks/teardown.py --data purge={found.host}"
        )
    backups = [settings.backup_dir] if settings.backup_dir else []
    if BACKUP in (remains.in_directory or ()):
        backups.append(f"/var/lib/xnai/{settings.stack_name}/{BACKUP}")
    if backups:
        said.append(f"backups are never removed: {', '.join(backups)}")
    return said
