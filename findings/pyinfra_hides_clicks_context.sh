#!/bin/sh
# pyinfra 3.10.0 with click: a deploy file cannot see the context of pyinfra's own command line.
#
# pyinfra runs each deploy file in a gevent greenlet, and its command patches the interpreter, so that
# thread-local data are local to a greenlet. click keeps its stack of contexts in thread-local data.
#
# Expected: click.get_current_context() inside a deploy file is the context of the command `pyinfra`,
#   whose params hold "dry": True (click's documentation: "available in the current thread").
# Seen: there is none (RuntimeError: There is no active click context), while the inventory file,
#   which is loaded before, has it.
# Fails (exit 1) where that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyinfra==3.10.0 click==8.3.1
cd "$folder"
cat > look.py <<'END'
import click


def look(where):
    context = click.get_current_context(silent=True)
    with open("seen", "a") as file:
        file.write(f"{where}: {'none' if context is None else context.params.get('dry')}\n")
END
cat > inventory.py <<'END'
import sys

sys.path.insert(0, ".")
from look import look

look("inventory")
hosts = ["@local"]
END
cat > deploy.py <<'END'
from look import look

look("deploy")
END
"$folder/venv/bin/pyinfra" --dry -y inventory.py deploy.py > out 2>&1 || { cat out; exit 2; }
"$folder/venv/bin/python" - <<'END'
from importlib.metadata import version

print("pyinfra", version("pyinfra"), "click", version("click"), "gevent", version("gevent"))
END
cat seen
printf 'inventory: True\ndeploy: none\n' | cmp -s - seen || { echo "changed"; exit 1; }
echo "as seen before"
