#!/bin/sh
# pyinfra 3.10.0: operation_host_start is called for a host that does not have the operation, and nothing says its end.
#
# Expected: a handler of BaseStateCallback hears of the start of an operation on the hosts that it was declared for, and
#   of an end (success or error) for each start.
# Seen: pyinfra/api/operations.py calls the handlers before it looks whether the host has the operation, and returns
#   without another word where it has not. A handler that counts time, or shows what is at work, never hears the end.
# Fails (exit 1) where that has changed. As root: its second host is a chroot of /.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyinfra==3.10.0
cd "$folder"
cat > run.py <<'END'
import sys

from pyinfra.api import BaseStateCallback, Config, Inventory, State
from pyinfra.api.connect import connect_all
from pyinfra.api.operation import add_op
from pyinfra.api.operations import run_ops
from pyinfra.operations import server

seen = []


class Noting(BaseStateCallback):
    @staticmethod
    def operation_host_start(state, host, op_hash):
        seen.append(("start", host.name))

    @staticmethod
    def operation_host_success(state, host, op_hash, retry_count=0):
        seen.append(("success", host.name))

    @staticmethod
    def operation_host_error(state, host, op_hash, retry_count=0, max_retries=0):
        seen.append(("error", host.name))


inventory = Inventory((["@local", "@chroot//"], {}))
state = State(inventory, Config())
state.add_callback_handler(Noting())
connect_all(state)
add_op(state, server.shell, commands=["true"], host=inventory.get_host("@local"))
run_ops(state)
print("declared for @local alone:", seen)
of_other = [what for what, host in seen if host != "@local"]
sys.exit(of_other != ["start"] or ("success", "@local") not in seen)
END
if venv/bin/python run.py 2> errors; then
    echo "as seen before"
else
    cat errors
    echo "changed"
    exit 1
fi
