#!/bin/sh
# pyinfra 3.10.0: a run that is ended by Ctrl-C has the exit code 0.
#
# Expected: 130 (128 + SIGINT), as shells and most command lines have it, or any other but 0: the operation was
#   not done, and `pyinfra inventory.py backup.py && upgrade` must not go on.
# Seen: "Exiting upon user request!", and 0 (pyinfra_cli/main.py, _handle_interrupt).
# Fails (exit 1) where that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyinfra==3.10.0
cd "$folder"
cat > deploy.py <<'END'
from pyinfra.operations import server

server.shell(name="what is not done", commands=["sleep 20 && touch done"])
END
cat > interrupt.py <<'END'
import os
import signal
import subprocess
import time

# A process group of its own, as a terminal makes for a command; Ctrl-C goes to the whole group.
run = subprocess.Popen(
    ["venv/bin/pyinfra", "-y", "@local", "deploy.py"], start_new_session=True,
    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
)
time.sleep(8)
os.killpg(run.pid, signal.SIGINT)
said = run.communicate()[0]
print("pyinfra 3.10.0 said:", "Exiting upon user request!" in said)
print("operation done:", os.path.exists("done"))
print("exit code:", run.returncode)
END
"$folder/venv/bin/python" interrupt.py | tee seen
printf 'pyinfra 3.10.0 said: True\noperation done: False\nexit code: 0\n' | cmp -s - seen ||
    { echo "changed"; exit 1; }
echo "as seen before"
