"""The program that copies data before their image changes, and puts them back; root runs it.

`keep` comes before the containers are removed, `back` when the new ones were. In between and
until the new generation is healthy, the record beside the last healthy one's files says which
copies are that generation's data; where the new one is kept, the record goes with the old files.
A run that is killed anywhere leaves the record, and the next one goes on from there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

from xnai.programs.backup.ending import fail_on_signals, report
from xnai.programs.backup.process import Failed
from xnai.programs.rollback.keep import Keep
from xnai.programs.rollback.spec import RollbackSpec


def main(spec: RollbackSpec, action: str) -> int:
    """Do what was asked for; return the exit code."""
    os.umask(0o077)
    fail_on_signals()
    one = Keep(spec)
    actions: dict[str, Callable[[], None]] = {"keep": one.keep, "back": one.back}
    try:
        one.run.prepare()
        try:
            actions[action]()
        finally:
            shutil.rmtree(one.run.work, ignore_errors=True)
    except Failed as failed:
        report(failed)
        return 1
    return 0
