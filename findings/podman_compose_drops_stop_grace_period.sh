#!/bin/sh
# podman-compose 1.6.0: stop_grace_period of a compose file never reaches the container.
#
# Expected (Compose specification, services, stop_grace_period: how long to wait after SIGTERM before
#   SIGKILL): `podman run --stop-timeout=75`, so that whoever stops the container later, `podman stop`
#   or a boot unit, waits that long. Podman's own default is 10 s.
# Seen: the option is not passed, without a word; nor are memswap_limit and oom_score_adj. What
#   is understood (mem_limit) is passed.
# Fails (exit 1) where that has changed.
#
# podman-compose --dry-run prints what it would run; a script that has a version and no containers is
# enough in Podman's place.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check podman-compose==1.6.0
mkdir "$folder/bin"
cat > "$folder/bin/podman" <<'END'
#!/bin/sh
case "$*" in *version*) echo "podman version 5.4.2" ;; *json*) echo "[]" ;; esac
END
chmod 755 "$folder/bin/podman"
cd "$folder"
cat > docker-compose.yml <<'END'
name: example
services:
  redis:
    image: docker.io/library/redis:8.0
    stop_grace_period: 75s
    mem_limit: 256m
    memswap_limit: 384m
    oom_score_adj: 300
END
PATH="$folder/bin:$PATH" "$folder/venv/bin/podman-compose" --verbose --dry-run up -d > out 2>&1 || :
"$folder/venv/bin/podman-compose" --version 2>/dev/null | head -n 1 || :
run=$(grep -E 'podman (run|create) ' out | head -n 1)
[ -n "$run" ] || { cat out; echo "no podman run was printed"; exit 2; }
echo "$run"
case "$run" in *" -m 256m "*|*" --memory"*) ;; *) echo "mem_limit is not passed either"; exit 1 ;; esac
for option in --stop-timeout --memory-swap --oom-score-adj; do
    case "$run" in *"$option"*) echo "changed: $option is passed"; exit 1 ;; esac
    echo "not passed: $option"
done
echo "as seen before"
