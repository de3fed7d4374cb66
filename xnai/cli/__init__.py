"""The `xnai` command, which looks at hosts and changes none."""

from xnai.cli.command import main

__all__ = ["main"]
