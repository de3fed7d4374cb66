"""Secrets: files that Podman mounts, one a secret."""

from __future__ import annotations

import os
from pathlib import Path


def read(name: str) -> str | None:
    """Return the stripped text of a secret; None where its file is absent or empty.

    Args:
        name: of the file in SECRETS_DIR (default /run/secrets).

    Raises:
        SystemExit: the file is there and cannot be read.
    """
    path = Path(os.environ.get("SECRETS_DIR") or "/run/secrets") / name
    try:
        return path.read_text("utf-8").strip() or None
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        # Not the error's own text: a decoding error quotes the bytes.
        raise SystemExit(
            f"secret {path}: cannot be read ({type(error).__name__}) as user {os.getuid()}; "
            "it must be UTF-8 text that this user may read; see `secrets` in docker-compose.yml"
        ) from None
