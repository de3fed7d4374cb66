"""What an extra CA certificate is called on a host."""

from __future__ import annotations

import re
from pathlib import PurePosixPath


def name_on_host(path: str) -> str:
    """Return the file's name on the host and in the base image; it needs no quoting anywhere.

    Args:
        path: of the certificate where pyinfra runs.
    """
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", PurePosixPath(path).stem).strip("-")
    return f"xnai-{stem or 'ca'}.crt"
