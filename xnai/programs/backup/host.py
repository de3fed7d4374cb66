"""The program that makes a backup on the host, and restores one; root runs it there.

A program and not a line of shell: whatever goes wrong on the way, what was paused or stopped is
started again, also when the one who started it is gone.
"""

from __future__ import annotations

import os
import shutil

from xnai.programs.backup.ending import fail_on_signals, report
from xnai.programs.backup.make import Backup
from xnai.programs.backup.process import Failed
from xnai.programs.backup.restore import Restore
from xnai.programs.backup.spec import BackupSpec


def main(spec: BackupSpec) -> int:
    """Do what the specification says; return the exit code."""
    os.umask(0o077)
    fail_on_signals()
    one = Backup(spec) if spec.action == "make" else Restore(spec)
    try:
        one.prepare()
        try:
            one.go()
        finally:
            shutil.rmtree(one.work, ignore_errors=True)
    except Failed as failed:
        report(failed)
        return 1
    return 0
