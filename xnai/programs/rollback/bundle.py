"""The rollback's program as one file that the host's Python runs, and what it is told."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from xnai.programs.backup import bundle as backup
from xnai.programs.pack import pack
from xnai.programs.rollback.spec import RollbackSpec
from xnai.settings.model import Settings
from xnai.stack.model import Service
from xnai.stack.paths import backup_home
from xnai.stack.plan import StackPlan

_MAIN = """\
import sys

from xnai.programs.rollback.host import main
from xnai.programs.rollback.spec import parse

sys.exit(main(parse({text!r}), sys.argv[1]))
"""


def make_spec(
    settings: Settings, wanted: StackPlan, services: Sequence[str], anew: Sequence[Service],
    record: str, copy: str,
) -> RollbackSpec:
    """Return what the program is told.

    Args:
        settings: the host's.
        wanted: its stack.
        services: names of those whose data are copied first.
        anew: all that is recreated, in dependency order.
        record: path of the record on the host.
        copy: how an archive is copied, with {path} and {name}.
    """
    found = backup.make_spec(settings, wanted, "", copy)
    if found.recipient or found.passphrase_file:
        # Going back needs them without a key, which may not be on this machine; so they are
        # beside the data and not where encrypted archives go.
        found = dataclasses.replace(
            found, recipient="", passphrase_file="", directory=backup_home(settings)
        )
    return RollbackSpec(
        backup=found, services=tuple(services),
        anew=tuple(service.container_name for service in anew), record=record,
    )


def bundle(spec: RollbackSpec) -> bytes:
    """Return the program with its specification, for `python3 FILE keep|back`."""
    return pack(_MAIN.format(text=spec.text()))
