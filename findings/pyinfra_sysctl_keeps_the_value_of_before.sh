#!/bin/sh
# pyinfra 3.10.0: server.sysctl(persist=True) leaves the value of before in the file, and may make it the last word.
#
# Expected: one line for the key, with the value that was asked for last, so that the next boot has what this run set.
# Seen: the line is looked for by key and new value. Another value is appended, and the old line stays; and a value that
#   was there before is found in its old place, and the later line, with another value, still wins at the next boot
#   (sysctl --system and systemd-sysctl take the last line of a file).
# Fails (exit 1) where that has changed.
#
# A script that remembers a value is enough in sysctl's place: nothing of this machine is set.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyinfra==3.10.0
mkdir "$folder/bin"
cat > "$folder/bin/sysctl" <<END
#!/bin/sh
case "\$1" in
*=*) echo "\${1#*=}" > "$folder/value" ;;
*) echo "\$1 = \$(cat "$folder/value")" ;;
esac
END
chmod 755 "$folder/bin/sysctl"
cd "$folder"
echo 60 > value
for value in 60 180 60; do
    echo "from pyinfra.operations import server
server.sysctl(key='vm.swappiness', value=$value, persist=True, persist_file='$folder/90.conf')" > deploy.py
    PATH="$folder/bin:$PATH" venv/bin/pyinfra -y @local deploy.py > out 2>&1 || { cat out; exit 2; }
    echo "asked for $value: live $(cat value), file: $(tr '\n' ';' < 90.conf)"
done
if [ "$(tail -n 1 90.conf)" != "vm.swappiness = 180" ]; then
    echo "changed: the last word is what was asked for last"
    exit 1
fi
echo "as seen before: 60 was asked for last and is live; the next boot has 180"
