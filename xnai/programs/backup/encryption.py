"""How an archive is encrypted and decrypted, and the files with keys that this needs."""

from __future__ import annotations

from pathlib import Path

from xnai.programs.backup.process import Failed
from xnai.programs.backup.spec import BackupSpec


def encrypting(spec: BackupSpec, work: Path) -> list[str]:
    """Return the argv that encrypts its input into its output; empty for no encryption."""
    if spec.recipient:
        return ["age", "--encrypt", "--recipient", spec.recipient]
    if spec.passphrase_file:
        return [
            *_gpg(spec, work), "--symmetric", "--cipher-algo", "AES256", "--force-mdc",
            "--s2k-mode", "3", "--s2k-digest-algo", "SHA512", "--s2k-count", "65011712",
            "--compress-algo", "none",
        ]
    return []


def decrypting(spec: BackupSpec, source: Path, work: Path) -> list[str]:
    """Return the argv that prints the archive `source` in plain; empty if it is.

    Raises:
        Failed: what would be needed for it is not in the settings.
    """
    with source.open("rb") as file:
        start = file.read(32)
    if start.startswith(b"age-encryption.org/"):
        if not spec.identity_file:
            raise Failed(
                f"{source} is encrypted with age: say with --data restore_age_identity_file=/path "
                "where the private key is on this machine. Nothing was changed."
            )
        return ["age", "--decrypt", "--identity", spec.identity_file, str(source)]
    # RFC 9580: a packet of type 3 (a key from a passphrase), in the old format or the new one.
    if start[:1] in (b"\x8c", b"\xc3"):
        if not spec.passphrase_file:
            raise Failed(
                f"{source} is encrypted with a passphrase: say with --data "
                "backup_passphrase_file=/path where it is on this machine. Nothing was changed."
            )
        return [*_gpg(spec, work), "--decrypt", str(source)]
    return []


def _gpg(spec: BackupSpec, work: Path) -> list[str]:
    home = work / "gnupg"
    home.mkdir(mode=0o700, exist_ok=True)
    return [
        "gpg", "--homedir", str(home), "--batch", "--no-tty", "--quiet", "--no-symkey-cache",
        "--pinentry-mode", "loopback", "--passphrase-file", spec.passphrase_file,
    ]
