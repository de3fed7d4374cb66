"""mmdebstrap command lines: as root where we are root, else in a user namespace."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from xnai.lab.apt import KEYRING, mirror

EXTRA_CA_DIR = Path("/usr/local/share/ca-certificates")


def extra_ca_certificates() -> list[Path]:
    """Certificates that this controller trusts beyond Debian's own.

    Returns:
        Every ``*.crt``, sorted; a proxy that inspects TLS needs them in the guest too.
    """
    return sorted(EXTRA_CA_DIR.glob("*.crt"))


def mode(uid: int | None = None) -> str:
    """The mmdebstrap mode for a user.

    Args:
        uid: the user's number; the present user's by default.

    Returns:
        ``root`` or ``unshare``.
    """
    return "root" if (os.geteuid() if uid is None else uid) == 0 else "unshare"


def command(
    suite: str,
    target: str,
    *,
    packages: Sequence[str],
    hooks: Sequence[str] = (),
    variant: str = "minbase",
    options: Sequence[str] = (),
    extra_sources: Sequence[str] = (),
) -> list[str]:
    """Build one mmdebstrap command line.

    Args:
        suite: the Debian suite.
        target: output file, or ``-`` or ``/dev/null``.
        packages: what to install beyond the variant.
        hooks: values of ``--customize-hook``, in order.
        variant: mmdebstrap's variant.
        options: further options.
        extra_sources: further one-line apt sources.

    Returns:
        The words of the command.
    """
    sources = [f"deb {mirror()} {suite} main", *extra_sources]
    return [
        "mmdebstrap",
        f"--mode={mode()}",
        f"--variant={variant}",
        f"--keyring={KEYRING}",
        "--skip=cleanup/tmp",
        '--aptopt=Acquire::Languages "none"',
        '--aptopt=Acquire::Retries "3"',
        *options,
        *([f"--include={','.join(packages)}"] if packages else []),
        *(f"--customize-hook={hook}" for hook in hooks),
        suite,
        target,
        *sources,
    ]
