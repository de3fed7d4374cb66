"""Run pyinfra's command line with its words, and count the commands that it runs on hosts.

Usage: python -m benchmarks.remote_commands inventory.py deploy.py -y
The last line on standard error is `remote commands: N`.
"""

from __future__ import annotations

import sys
from typing import Any

from pyinfra_cli.main import cli  # type: ignore[import-untyped]  # isort: skip  (patches the standard library first)
from pyinfra.connectors.ssh import SSHConnector

_count = 0
_original = SSHConnector.run_shell_command


def _counted(self: Any, *args: Any, **kwargs: Any) -> Any:
    global _count
    _count += 1
    return _original(self, *args, **kwargs)


SSHConnector.run_shell_command = _counted  # type: ignore[method-assign]
try:
    cli(sys.argv[1:])
finally:
    print(f"remote commands: {_count}", file=sys.stderr)
