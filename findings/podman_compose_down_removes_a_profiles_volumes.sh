#!/bin/sh
# podman-compose 1.6.0: `down -v` removes the volumes of services whose profile is not active.
#
# Expected: what belongs to a profile that was not named is left alone, as its container is: compose leaves out services
#   of inactive profiles, and the volumes that only they use with them.
# Seen: without --profile, no container of the profile's service is stopped or removed, and its volume is.
# Fails (exit 1) where that has changed.
#
# A script that writes down what it is asked for is enough in Podman's place.
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
*"volume ls"*) printf 'example_of_a_tool\nexample_of_all\n' ;;
*json*) echo "[]" ;;
*) echo "\$*" >> "$folder/asked" ;;
esac
END
chmod 755 "$folder/bin/podman"
cd "$folder"
cat > docker-compose.yml <<'END'
name: example
services:
  one:
    image: docker.io/library/redis:8.0
    volumes: [of_all:/data]
  tool:
    image: docker.io/library/redis:8.0
    profiles: [tools]
    volumes: [of_a_tool:/data]
volumes:
  of_all:
  of_a_tool:
END
PATH="$folder/bin:$PATH" "$folder/venv/bin/podman-compose" down -v > out 2>&1
cat asked
if grep -q tool_1 asked; then
    echo "changed: the profile's service is taken down too"
    exit 1
fi
grep -qx 'volume rm example_of_a_tool' asked || { echo "changed: its volume is left alone"; exit 1; }
echo "as seen before: its container is left alone, its volume is removed"
