#!/bin/sh
# podman-compose 1.6.0: a health check of the form CMD with one word becomes one of the form CMD-SHELL.
#
# Expected (Compose specification, services, healthcheck: "CMD" runs the words as they are, "CMD-SHELL"
#   hands one text to the container's shell): two different options for Podman.
# Seen: `test: ["CMD", "/check"]` and `test: ["CMD-SHELL", "/check"]` both become
#   `--health-cmd ["/check"]`, and Podman 5.4.2 makes CMD-SHELL of a list of one word (its
#   Healthcheck.Test is then [CMD-SHELL /check], seen with `podman create` on Debian 13). In an image
#   without a shell, where CMD is the only form that can work, such a check fails for ever. With a
#   second word it is passed on right.
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
  words:
    image: docker.io/library/redis:8.0
    healthcheck: {test: ["CMD", "/check"]}
  shell:
    image: docker.io/library/redis:8.0
    healthcheck: {test: ["CMD-SHELL", "/check"]}
  two:
    image: docker.io/library/redis:8.0
    healthcheck: {test: ["CMD", "/check", "now"]}
END
PATH="$folder/bin:$PATH" "$folder/venv/bin/podman-compose" --verbose --dry-run up -d > out 2>&1 || :
of() {
    grep -E 'podman (run|create) ' out | grep -- "--name=example_$1_1" | head -n 1 |
        sed -n 's/.*--health-cmd \(\[[^]]*\]\).*/\1/p'
}
echo "words: $(of words)"; echo "shell: $(of shell)"; echo "two:   $(of two)"
[ -n "$(of two)" ] || { cat out; echo "no podman run with a health check was printed"; exit 2; }
[ "$(of words)" = "$(of shell)" ] || { echo "changed: they are told apart"; exit 1; }
echo "as seen before"
