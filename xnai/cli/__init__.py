"""The `xnai` command, which looks at hosts and changes none."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line.

    `xnai audit` needs nothing of pyinfra, whose import takes longer than an audit that finds
    everything in its cache.
    """
    if sys.argv[1:2] == ["audit"]:
        from xnai.audit.command import audit

        audit(sys.argv[2:], prog_name="xnai audit")
    else:
        from xnai.cli.command import main as command

        command()


__all__ = ["main"]
