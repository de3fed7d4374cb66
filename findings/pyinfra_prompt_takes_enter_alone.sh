#!/bin/sh
# pyinfra 3.10.0: at its question before execution a typed "y" executes nothing, and it ends with 0.
#
# Expected: an answer that is taken for "no" says so and is no success; "y" is what most such
#   questions take for "yes".
# Seen: the Enter key alone goes on. "y", "yes" and "n" all end the run with exit code 0 and
#   nothing executed. So does --json without -y where nobody can be asked.
# Fails (exit 1) where that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyinfra==3.10.0
cd "$folder"
cat > deploy.py <<END
from pyinfra.operations import server

server.shell(name="touch", commands=["touch $folder/touched"])
END
"$folder/venv/bin/pyinfra" --version
tried() {
    rm -f touched
    code=0
    printf "$1" | "$folder/venv/bin/pyinfra" $2 @local deploy.py > out 2>&1 || code=$?
    executed=no
    [ ! -e touched ] || executed=yes
    echo "answer '$1' $2: exit code $code, executed: $executed"
    [ "$code $executed" = "$3" ] || { cat out; echo "changed"; exit 1; }
}
tried '\n' "" "0 yes"
tried 'y\n' "" "0 no"
tried 'yes\n' "" "0 no"
tried 'n\n' "" "0 no"
tried '' "--json" "0 no"
echo "as seen before"
