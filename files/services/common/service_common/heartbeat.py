"""A worker's sign of life for its health check: the age of a file.

`python -m service_common.heartbeat --max-age-s 60` exits 0 while the file is fresh.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path


def _file() -> Path:
    return Path(os.environ.get("HEARTBEAT_FILE") or "/tmp/heartbeat")


def beat() -> None:
    """Say that the worker's loop still turns."""
    _file().touch()


def main(arguments: list[str] | None = None) -> int:
    """Return 0 where the heartbeat is fresh; else print its age and return 1."""
    parser = argparse.ArgumentParser(prog="python -m service_common.heartbeat")
    parser.add_argument("--max-age-s", type=float, default=60.0)
    max_age_s: float = parser.parse_args(arguments).max_age_s
    path = _file()
    try:
        age_s = time.time() - path.stat().st_mtime
    except OSError as error:
        print(f"no heartbeat yet: {path}: {error.strerror}")
        return 1
    # A clock that was set back makes the file look new; the next beats put that right.
    if age_s <= max_age_s:
        return 0
    print(f"the last heartbeat is {age_s:.0f} s old; allowed: {max_age_s:.0f} s")
    return 1


if __name__ == "__main__":
    sys.exit(main())
