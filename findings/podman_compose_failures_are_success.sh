#!/bin/sh
# podman-compose 1.6.0: stop, start, restart and down end with 0 whatever became of them.
#
# Expected: where `podman stop` (start, restart, rm) fails, so does the command that was asked for it.
# Seen: each ends with 0, with Podman's own message on standard error and nothing else. A script
#   that goes on after `podman-compose stop && …` goes on with a container that runs.
# Fails (exit 1) where that has changed.
#
# A script that refuses what changes something, as Podman does with 125, is enough in its place.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check podman-compose==1.6.0
mkdir "$folder/bin"
cat > "$folder/bin/podman" <<END
#!/bin/sh
case "\$*" in
*version*) echo "podman version 5.4.2" ;;
*json*) echo "[]" ;;
stop*|start*|restart*|rm*) echo "\$1" >> "$folder/refused"; echo "Error: refused" >&2; exit 125 ;;
esac
END
chmod 755 "$folder/bin/podman"
cd "$folder"
cat > docker-compose.yml <<'END'
name: example
services:
  one:
    image: docker.io/library/redis:8.0
END
"$folder/venv/bin/podman-compose" --version 2>/dev/null | head -n 1 || :
for command in stop start restart down; do
    : > refused
    code=0
    PATH="$folder/bin:$PATH" "$folder/venv/bin/podman-compose" "$command" > out 2>&1 || code=$?
    [ -s refused ] || { cat out; echo "$command asked podman for nothing"; exit 2; }
    echo "$command: podman refused $(tr '\n' ' ' < refused), exit code $code"
    [ "$code" = 0 ] || { echo "changed: $command fails now"; exit 1; }
done
echo "as seen before"
