"""How long operations took the last time, on each host: for those who wait."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from pathlib import Path

from xnai.run import user_directories

# What is shorter needs no sign of life.
LEAST_S = 3.0
_MOST = 1000
# No home, no room, not ours: nobody's run ends for that.
_HARMLESS = (OSError, ValueError, AttributeError, TypeError, RuntimeError, ArithmeticError)
# An image's content hash, and in parentheses what differs: the next time they are others.
_VARIES = re.compile(r":[0-9a-f]{16}\b| \(.*")


def file() -> Path:
    """Return where they are kept: `$XDG_STATE_HOME/xnai/durations.json` or its default."""
    return user_directories.state() / "durations.json"


def read() -> dict[str, float]:
    """Return the seconds of each operation by its key; none where they cannot be read."""
    with suppress(*_HARMLESS):
        found = json.loads(file().read_text("utf-8"))
        return {str(key): float(value) for key, value in found.items()}
    return {}


def key(host: str, operation: str) -> str:
    """Return under what an operation is kept.

    Args:
        host: name of the host.
        operation: its name, with what differs this time.
    """
    return f"{host}: {_VARIES.sub('', operation)}"


def keep(took_s: dict[str, float]) -> None:
    """Keep what took long, and forget what no longer does; it is no error where that fails.

    Args:
        took_s: key -> seconds.
    """
    old = read()
    # The newest at the end; another run may have written meanwhile.
    kept = {one: seconds for one, seconds in old.items() if one not in took_s}
    kept |= {one: round(seconds, 1) for one, seconds in took_s.items() if seconds >= LEAST_S}
    if kept == old:
        return
    with suppress(*_HARMLESS):
        path = file()
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        partial.write_text(json.dumps(dict([*kept.items()][-_MOST:]), indent=0), "utf-8")
        partial.replace(path)
