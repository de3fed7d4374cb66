"""Run pyinfra's command line with its words, and count what it runs on hosts.

Usage: python -m benchmarks.remote_commands inventory.py deploy.py -y
The last lines on standard error are `remote commands: N` and `podman processes: N`; the latter are
the calls of Podman in those commands.
"""

from __future__ import annotations

import sys
from typing import Any

from pyinfra_cli.main import cli  # type: ignore[import-untyped]  # isort: skip  (patches the standard library first)
from pyinfra.connectors.ssh import SSHConnector

from xnai.facts.podman_call import ASK_PODMAN

_count = _podman = 0
_original = SSHConnector.run_shell_command


def _counted(self: Any, *args: Any, **kwargs: Any) -> Any:
    global _count, _podman
    _count += 1
    _podman += str(args[0] if args else kwargs["command"]).count(ASK_PODMAN)
    return _original(self, *args, **kwargs)


SSHConnector.run_shell_command = _counted  # type: ignore[method-assign]
try:
    cli(sys.argv[1:])
finally:
    print(f"remote commands: {_count}\npodman processes: {_podman}", file=sys.stderr)
