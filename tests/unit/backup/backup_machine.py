"""A machine for backup and restore; in Podman's place a script keeps directories."""

from __future__ import annotations

import dataclasses
import http.server
import os
import shutil
from pathlib import Path

from rendering import stack
from unit_settings import make

from xnai.programs.backup.bundle import make_spec
from xnai.programs.backup.host import main
from xnai.programs.backup.spec import BackupSpec

SETTINGS = make()
SPEC = make_spec(SETTINGS, stack(SETTINGS), "make", "scp {path} {name}")
HAS_GPG = shutil.which("gpg") is not None

# Where the server listens in whose place Vikunja is; SPEC names the real one's address.
ready_urls: list[str] = []

# State: states/<container>, volumes/<name>/, secrets/<name>; calls: every argv.
PODMAN = r"""#!/bin/sh
# With the shell's own words where it has any: a process for each would be most of these tests.
cd "${0%/*}" || exit 1
echo "$@" >> calls
first() { l=; read -r l < "$1" || [ -n "$l" ]; }
[ ! -e fail ] || ! echo "$@" | grep -qf fail || { echo "told to fail" >&2; exit 125; }
case "$1" in
ps) case "$*" in
    *volume=*) cat strangers 2>/dev/null || : ;;
    *) for c in states/*; do first "$c"; echo "${c#states/} $l"; done ;;
    esac ;;
volume) shift 4; for v; do echo "$v $PWD/volumes/$v"; done ;;
pause|unpause|start|stop)
    case $1 in pause) s=paused ;; stop) s=exited ;; *) s=running ;; esac
    for c; do [ ! -e "states/$c" ] || echo $s > "states/$c"; done ;;
unshare) shift; exec "$@" ;;
healthcheck) first "states/$3"; [ "$l" = running ] ;;
logs) echo "a last line" ;;
secret) case $2 in
    ls) ls secrets ;;
    inspect) shift 3; s='['; for n; do
        first "secrets/$n" || exit 1
        printf '%s{"Spec": {"Name": "%s"}, "SecretData": "%s"}' "$s" "$n" "$l"
        s=,
    done; echo ']' ;;
    create) for last; do before=$name; name=$last; done; cat > "secrets/$before" ;;
    esac ;;
run|exec) case "$*" in
    *redis-server*) first redis_version; echo "Redis server v=$l sha=0" ;;
    *postgres*--version) echo "postgres (PostgreSQL) 17.6" ;;
    *pg_dump*) cat database ;;
    *pg_restore*) cat > database ;;
    *psql*) cat > psql ;;
    *sh\ -c*) echo saved >> volumes/xnai_redis_data/dump.rdb ;;
    esac ;;
esac
"""


class Vikunja(http.server.BaseHTTPRequestHandler):
    """Answers as the server does that the stack's health check says nothing about."""

    status = 200

    def do_GET(self):
        """Say how it is, at the one path that is asked for."""
        self.send_response(self.status if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, *_):
        """Nobody reads it."""


def spec(machine: Path, **changes: object) -> BackupSpec:
    """SPEC for the script."""
    values = {
        "podman": str(machine / "podman"), "directory": str(machine / "backup"), "timeout_s": 1,
        "unfinished": str(machine / "unfinished-restore"),
    }
    one = dataclasses.replace(SPEC, **(values | changes))
    return dataclasses.replace(one, parts=tuple(
        dataclasses.replace(part, ready_url=part.ready_url and ready_urls[0]) for part in one.parts
    ))


def archives(machine: Path) -> list[Path]:
    """What is in the directory of the backups, also what should not be there."""
    return sorted((machine / "backup").iterdir())


def states(machine: Path) -> set[str]:
    """The states that containers have."""
    return {path.read_text().strip() for path in (machine / "states").iterdir()}


def made(machine: Path, **changes: object) -> Path:
    """The archive of a first backup."""
    assert main(spec(machine, **changes)) == 0
    (path,) = archives(machine)
    return path


def data(machine: Path) -> dict[str, str]:
    """Everything that a restore may change."""
    found = {
        str(path.relative_to(machine)): path.read_text()
        for folder in ("volumes", "secrets") for path in (machine / folder).rglob("*")
        if path.is_file()
    }
    return found | {"database": (machine / "database").read_text()}


def destroy(machine: Path) -> dict[str, str]:
    """Other data in place of all; return what was there."""
    before = data(machine)
    for volume in (machine / "volumes").iterdir():
        for file in volume.iterdir():
            file.unlink()
        (volume / "other").write_text("other")
    (machine / "database").write_text("PGDMP other")
    return before


def killed_at(machine: Path, call: int, one: BackupSpec) -> bool:
    """Run the program in a process that is killed at its n-th call of Podman that may change data.

    Returns:
        Whether it came so far.
    """
    (machine / "calls").unlink(missing_ok=True)
    (machine / "changing").unlink(missing_ok=True)
    script = PODMAN.replace(
        'echo "$@" >> calls\n',
        'echo "$@" >> calls\ncase $1 in stop|start|unshare|exec) echo >> changing; n=0;'
        "while read -r l; do n=$((n+1)); done < changing;"
        f"[ $n != {call} ] || {{ kill -KILL $PPID; exit 1; }};; esac\n", 1,
    )
    (machine / "podman").write_text(script)
    child = os.fork()
    if not child:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        os._exit(main(one))
    _, status = os.waitpid(child, 0)
    (machine / "podman").write_text(PODMAN)
    return os.WIFSIGNALED(status)


def seen(machine: Path, words: str, look: str) -> str:
    """Let the script note, when a call begins that has the words, what is on the disk then."""
    (machine / "podman").write_text(PODMAN.replace(
        'echo "$@" >> calls\n',
        f'echo "$@" >> calls\ncase "$*" in *"{words}"*) {{ {look}; }} >> seen 2>&1 ;; esac\n', 1,
    ))
    return str(machine / "seen")
