"""The memory sampler set up, and taken away."""

from __future__ import annotations

from collections.abc import Generator

from pyinfra.api.command import StringCommand
from pyinfra.api.operation import operation

from xnai.facts.sampler import UNIT, UNIT_FILE
from xnai.operations.teardown import without_empty
from xnai.remote import content

_HISTORY = "/var/lib/private/xnai-sampler /var/lib/xnai-sampler"


@operation()
def set_up(program: bytes, path: str, unit: str) -> Generator[StringCommand | str, None, None]:
    """Put its files in place, and start it anew.

    Args:
        program: its file's content.
        path: where that is, absolute.
        unit: its unit's text.
    """
    yield content.put(path, program, "0644")
    yield content.put(UNIT_FILE, unit.encode(), "0644")
    yield (
        f"systemctl daemon-reload && systemctl enable --quiet {UNIT} && systemctl restart {UNIT}"
    )


@operation()
def remove(path: str) -> Generator[str, None, None]:
    """Take it away, with its history.

    Args:
        path: of its program, absolute.
    """
    # Its directories are the manager's, made for a user that is there while it runs.
    yield (
        f"{{ [ ! -e {UNIT_FILE} ] || systemctl disable --quiet --now {UNIT}; }} && "
        f"{{ systemctl reset-failed {UNIT} 2>/dev/null || :; }} && "
        f"rm -rf {_HISTORY} && rm -f {path} {UNIT_FILE} && systemctl daemon-reload && "
        + without_empty([path.rpartition("/")[0]])
    )
