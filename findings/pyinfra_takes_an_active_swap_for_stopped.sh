#!/bin/sh
# pyinfra 3.10.0: systemd.service takes an active swap, slice, device or target for one that does not run.
#
# Expected: of a unit that is active, running=True changes nothing, and running=False stops it.
# Seen: the fact SystemdStatus knows the substates running, waiting, exited, listening and mounted; that of an active
#   swap, slice or target is "active", of a device "plugged" (systemctl --state=help). So running=True starts an active
#   dev-zram0.swap at every run, and running=False leaves it on and says that nothing is to be done.
# Fails (exit 1) where that has changed.
#
# A script that answers as systemctl does of such a unit is enough in its place.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyinfra==3.10.0
mkdir "$folder/bin"
cat > "$folder/bin/systemctl" <<END
#!/bin/sh
case "\$*" in
*"show"*SubState*) printf 'Id=dev-zram0.swap\nSubState=active\n' ;;
*"show"*UnitFileState*) printf 'Id=dev-zram0.swap\nUnitFileState=generated\n' ;;
*) echo "\$*" >> "$folder/asked" ;;
esac
END
chmod 755 "$folder/bin/systemctl"
cd "$folder"
changed=0
for running in True False; do
    : > asked
    echo "from pyinfra.operations import systemd
systemd.service(service='dev-zram0.swap', running=$running)" > deploy.py
    PATH="$folder/bin:$PATH" venv/bin/pyinfra -y @local deploy.py > out 2>&1 || { cat out; exit 2; }
    echo "active dev-zram0.swap, running=$running: systemctl was asked for: $(tr '\n' ' ' < asked)"
    case "$running:$(grep -c '^st[ao]' asked || :)" in
    True:1|False:0) ;;
    *) changed=1 ;;
    esac
done
[ "$changed" = 0 ] || { echo "changed"; exit 1; }
echo "as seen before"
