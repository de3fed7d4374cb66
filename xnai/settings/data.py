"""Settings of what is done with the stack's data: backup, restore, rotation, teardown."""

from __future__ import annotations

from dataclasses import dataclass

from xnai.settings import checks
from xnai.settings.declaration import setting


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Where archives go and how they are encrypted; what one run restores, rotates or purges."""

    backup_dir: str | None = setting(
        None,
        checks.optional(checks.host_path),
        "Where archives are made on the host: a directory of root's. None: "
        "/var/lib/xnai/<stack_name>/backup.",
        section="backup (docs/backup.md)",
    )
    backup_age_recipient: str | None = setting(
        None,
        # BIP 173's characters, as age(1) prints a public key.
        checks.optional(checks.pattern(
            r"age1[02-9ac-hj-np-z]{58}", "a public key of age: age1 and 58 characters"
        )),
        "Encrypt archives for the private key of this public one (\"age1...\", of age-keygen), "
        "which need not be on the machine. Only an encrypted archive holds the secrets.",
    )
    backup_passphrase_file: str | None = setting(
        None,
        checks.optional(checks.host_path),
        "Or with a passphrase: a file on the host, root's, readable by nobody else.",
    )
    restore_from: str | None = setting(
        None,
        checks.optional(checks.host_path),
        "For one run of tasks/restore.py, as `--data restore_from=/path`: the archive on the "
        "host, and the private key where age encrypted it (a file of root's on the host, "
        "readable by nobody else).",
    )
    restore_age_identity_file: str | None = setting(
        None,
        checks.optional(checks.host_path),
    )
    rotate_only: tuple[str, ...] = setting(
        [],
        checks.names(checks.pattern(r"[a-z][a-z0-9_]{0,99}", "names of Podman secrets: a-z 0-9 _")),
        "For one run of tasks/rotate_secrets.py, as `--data "
        "'rotate_only=[\"xnai_ingest_token\"]'`: the secrets to replace, by their Podman names. "
        "Empty: all of the stack's.",
        section="rotation of secrets (docs/stack.md)",
    )
    purge: str | None = setting(
        None,
        checks.optional(checks.pattern(r"[!-~]{1,253}", "the name of the host")),
        "For one run of tasks/teardown.py, as `--data purge=laptop.lan`: the name of the host "
        "whose data (volumes, secrets, the user that was made for them) are deleted too. None: "
        "data are kept.",
        section="teardown (docs/teardown.md)",
    )
