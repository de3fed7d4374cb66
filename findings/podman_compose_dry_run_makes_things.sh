#!/bin/sh
# podman-compose 1.6.0: --dry-run makes volumes and networks.
#
# Expected (podman-compose --help: "No action; perform a simulation of commands"): nothing is made.
# Seen: `up` with --dry-run runs `podman volume create` and `podman network create` for those that are
#   not there; only the containers are simulated. A plan that was looked at has changed the store.
# Fails (exit 1) where that has changed.
#
# A script that writes down what it is asked, and makes nothing, is enough in Podman's place.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check podman-compose==1.6.0
mkdir "$folder/bin" "$folder/made"
cat > "$folder/bin/podman" <<END
#!/bin/sh
echo "podman \$*" >> "$folder/calls"
case "\$*" in
*version*) echo "podman version 5.4.2" ;;
*json*) echo "[]" ;;
"volume create"*) touch "$folder/made/volume" ;;
"network create"*) touch "$folder/made/network" ;;
"volume inspect"*|"volume exists"*) [ -e "$folder/made/volume" ] ;;
"network inspect"*|"network exists"*) [ -e "$folder/made/network" ] ;;
esac
END
chmod 755 "$folder/bin/podman"
cd "$folder"
cat > docker-compose.yml <<'END'
name: example
services:
  one:
    image: docker.io/library/redis:8.0
    volumes: ["data:/data"]
    networks: [inside]
volumes:
  data: {}
networks:
  inside: {}
END
PATH="$folder/bin:$PATH" "$folder/venv/bin/podman-compose" --dry-run up --detach > out 2>&1 || :
"$folder/venv/bin/podman-compose" --version 2>/dev/null | head -n 1 || :
grep -q 'podman ps ' calls || { cat out; echo "podman was not asked at all"; exit 2; }
if grep -E 'podman (run|create) ' calls; then echo "a container was made, which is new"; exit 1; fi
for kind in volume network; do
    grep "podman $kind create" calls || { echo "changed: no $kind is made"; exit 1; }
done
echo "as seen before: both were made by a dry run"
