"""Which hosts: this machine, or those of an untracked hosts.py beside this file.

hosts.py defines groups as pyinfra's own inventories do, for example:

    workstations = [("laptop.lan", {"ssh_user": "me"}), ("desk.lan", {"ssh_user": "root"})]

XNAI_HOSTS=/path/to/file.py names another file. A host whose `ssh_user` is named and not root is
driven through sudo; its password is asked for once where it is needed.
"""

import os
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

NEEDED = "3.10.0"
_ROOT = Path(__file__).resolve().parent
if os.geteuid() == 0 and _ROOT.stat().st_uid != 0:
    # Root must leave no bytecode files in somebody's checkout.
    sys.dont_write_bytecode = True

try:
    if version("pyinfra") != NEEDED:
        raise ImportError(f"pyinfra {version('pyinfra')} runs this, {NEEDED} is needed")
    for _module in ("click", "jinja2", "psutil", "yaml"):
        import_module(_module)
except ImportError as _error:
    sys.exit(
        f"{_error}. This pyinfra ({sys.executable}) is not the project's: run `make setup` in "
        f"{_ROOT} and use the command that it prints ({_ROOT}/.venv/bin/pyinfra)."
    )

from xnai.run.hosts import groups  # noqa: E402  (after the check that it can be)

globals().update(groups(_ROOT))
