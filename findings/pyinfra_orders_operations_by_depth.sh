#!/bin/sh
# pyinfra 3.10.0: an operation of one host runs before one that stands above it in the deploy file, where the other host has more.
#
# Expected: operations run in the order in which the file has them, one after the other on all hosts: what one host declares
#   in line 9 finds done what another one declared in line 6.
# Seen: pyinfra/api/state.py (get_op_order) sorts by how many operations of the same host come before, and looks at lines only
#   among those with the same number. A host that has one operation runs it beside the first of a host that has three.
# Fails (exit 1) where that has changed. As root: its second host is a chroot of /.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyinfra==3.10.0
cd "$folder"
echo 'hosts = ["@local", "@chroot//"]' > inventory.py
cat > deploy.py <<'PYTHON'
from pyinfra import host
from pyinfra.operations import server

if host.name == "@local":
    server.shell(name="one", commands=["true"])
    server.shell(name="two", commands=["true"])
    server.shell(name="make it", commands=["true"])
if host.name != "@local":
    server.shell(name="take what was made", commands=["true"])
PYTHON
venv/bin/pyinfra -y inventory.py deploy.py > said 2>&1 || { cat said; exit 1; }
order=$(sed -n 's/.*Starting operation: //p' said | tr -s ' ' | tr '\n' ';')
echo "order: $order"
case $order in
*"take what was made"*"make it"*) echo "as seen before" ;;
*) cat said; echo "changed"; exit 1 ;;
esac
