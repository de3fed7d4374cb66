#!/bin/sh
# gevent 26.9.0: subprocess.run(stdin=None, input=...) is refused once gevent has patched the interpreter.
#
# pyinfra 3.10.0 runs on gevent and patches the interpreter, so code that a deploy file calls gets gevent's
# subprocess in place of the standard library's.
#
# Expected: as in the standard library, where stdin=None is the default and `input` may stand beside it
#   (Lib/subprocess.py asks `kwargs.get('stdin') is not None`).
# Seen: ValueError: stdin and input arguments may not both be used. gevent asks whether the name was given at
#   all; without it the same call works.
# Fails (exit 1) where that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check gevent==26.9.0
cd "$folder"
cat > ask.py <<'END'
import subprocess


def ask(name, **words):
    try:
        done = subprocess.run(["cat"], input=b"x", capture_output=True, **words)
        return f"{name}: {done.stdout.decode()}"
    except ValueError as error:
        return f"{name}: {error}"


print(ask("plain", stdin=None))
from gevent import monkey  # noqa: E402

monkey.patch_all()
print(ask("patched", stdin=None))
print(ask("patched, not named"))
END
"$folder/venv/bin/python" -W ignore ask.py > seen
cat seen
cat > wanted <<'END'
plain: x
patched: stdin and input arguments may not both be used.
patched, not named: x
END
cmp -s wanted seen || { echo "changed"; exit 1; }
echo "as seen before"
