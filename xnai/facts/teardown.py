"""What there is of a stack, and of what it shares with others, when it is to be taken down."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyinfra.api.facts import FactBase

from xnai.facts.account import SESSIONS, WRAPPER_USER, account, by_user
from xnai.facts.cgroups import SCRIPT as CGROUPS
from xnai.facts.cgroups import parse_cgroups
from xnai.facts.containers import CA_DIRECTORY
from xnai.facts.machine.config_files import HEADER, SET_ASIDE_SUFFIX
from xnai.facts.podman import StoreImage, parse_images
from xnai.facts.podman_call import ASK_PODMAN, XNAI_PODMAN, PodmanUnknown, answer, at_once
from xnai.facts.record import decoded, in_base64
from xnai.facts.sampler import PROGRAM
from xnai.facts.sections import script, split
from xnai.record.baseline import DIRECTORY, INSTALLED, INSTALLING, KEPT, RECORD

_STORAGE = ".local/share/containers/storage"


@dataclass(frozen=True)
class Account:
    """The stack's user as it is now; `sessions` is the number of its logins."""

    uid: int
    home: str
    lingering: bool
    sessions: int
    subuid: tuple[str, ...]
    subgid: tuple[str, ...]


@dataclass(frozen=True)
class Kept:
    """A Podman store: what in it is the stack's, and what is not.

    Attributes:
        containers: names of the stack's.
        networks: names of the stack's.
        volumes: names of the stack's.
        secrets: all, name -> the stack in its label.
        images: all.
        others: containers and volumes that are not the stack's, as `volume name`.
        swap_mib: what the stack's containers have in swap.
    """

    containers: tuple[str, ...]
    networks: tuple[str, ...]
    volumes: tuple[str, ...]
    secrets: dict[str, str]
    images: tuple[StoreImage, ...]
    others: tuple[str, ...]
    swap_mib: int


@dataclass(frozen=True)
class Remains:
    """What there is to be taken down.

    Attributes:
        record: content of the record of what was before; None where there is none.
        kept: content of the record of a stack that was taken down with its data kept.
        account: the stack's user; None where there is none.
        wrapper_user: the user whose Podman the wrapper runs; empty without the wrapper.
        store: what the stack user's Podman holds; None where there is no wrapper to ask it by.
        volume_names: names of the volumes in that user's store, by its directory.
        files: our file -> whether it bears our header; certificates always do.
        directories: podman-compose's, the sampler's program and ours, where they exist.
        enabled: whether the boot unit is.
        others: names of other stacks that are deployed on this machine.
        in_directory: names in the stack's own directory; None where there is none.
        set_aside: files that were set aside, by their present paths.
        caches: build caches of the stack's user.
        packages: whether it is noted which packages were installed.
    """

    record: bytes | None
    kept: bytes | None
    account: Account | None
    wrapper_user: str
    store: Kept | PodmanUnknown | None
    volume_names: tuple[str, ...]
    files: dict[str, bool]
    directories: frozenset[str]
    enabled: bool
    others: tuple[str, ...]
    in_directory: tuple[str, ...] | None
    set_aside: tuple[str, ...]
    caches: tuple[str, ...]
    packages: bool


def _podman_calls(stack: str) -> dict[str, str]:
    """What Podman is asked, by the name of the answer."""
    label = shlex.quote(f"label=io.xnai.stack={stack}")
    podman = ASK_PODMAN
    return {
        "containers": (
            # An image's labels are its containers' too, whoever made them; this one is
            # Compose's.
            f"{podman} ps --all --no-trunc --filter {label} --filter label=io.xnai.config "
            "--format '{{.Names}} {{.ID}}'"
        ),
        "all_containers": f"{podman} ps --all --format '{{{{.Names}}}}'",
        "networks": f"{podman} network ls --filter {label} --format '{{{{.Name}}}}'",
        "volumes": f"{podman} volume ls --filter {label} --format '{{{{.Name}}}}'",
        "all_volumes": f"{podman} volume ls --format '{{{{.Name}}}}'",
        "images": f"{podman} images --format json",
        "secrets": (
            f"s=$({podman} secret ls --quiet) && "
            f"{{ [ -z \"$s\" ] && echo '[]' || {podman} secret inspect $s; }}"
        ),
    }


class Teardown(FactBase[Remains | None]):
    """What there is of a stack by one command, or None where it could not be read."""

    def command(
        self, stack: str, user: str, files: Sequence[str], home_files: Sequence[str], wants: str,
    ) -> str:
        """Return the script.

        Args:
            stack: the stack's name.
            user: the stack user's name.
            files: our files, absolute; they may be shell patterns.
            home_files: our files below that user's home, relative.
            wants: the link that enables the boot unit.
        """
        name = shlex.quote(user)
        here = f"{DIRECTORY}/{shlex.quote(stack)}"
        calls = _podman_calls(stack)
        header = shlex.quote(HEADER)
        # A header is at a file's start, however long its first line may be.
        whose = (
            'if [ -f "$f" ]; then if head -c 4096 "$f" | head -n 2 | '
            f'grep -q ^{header}; then echo "ours $f"; else echo "other $f"; fi; fi; done'
        )
        homes = " ".join(f'"$1"/{path}' for path in home_files)
        return (
            f"u=$(id -u {name} 2>/dev/null); h=$(getent passwd {name} | cut -d: -f6); "
            f"h=${{h:-/nonexistent}}; t=$(mktemp -d) && "
            f"{{ [ ! -x {XNAI_PODMAN} ] || {{ {at_once(calls)} }}; }}\n"
        ) + script(
            {f"podman_{part}": f'cat "$t/{part}"; :' for part in calls}
            | {
                "cgroups": f'rm -rf "$t"; {CGROUPS}',
                "record": in_base64(RECORD),
                "kept": in_base64(KEPT),
                **account(user),
                "sessions": SESSIONS,
                "wrapper": WRAPPER_USER,
                "wrapper_there": f"ls {XNAI_PODMAN}; :",
                "volume_names": by_user(
                    user, f'for v in "$1/{_STORAGE}/volumes"/*; do '
                    '[ ! -d "$v" ] || echo "$v"; done', 1,
                ),
                "files": f"for f in {' '.join(files)}; do {whose}\n"
                + by_user(user, f"for f in {homes}; do {whose}", 2),
                "certificates": f"ls {CA_DIRECTORY}/xnai-*.crt; :",
                "directories": f"for d in /opt/xnai/podman-compose {PROGRAM} {DIRECTORY}; do "
                '[ ! -e "$d" ] || echo "$d"; done',
                "enabled": f"ls {shlex.quote(wants)}; :",
                "others": f"for d in {DIRECTORY}/*/stack; do [ ! -d \"$d\" ] || "
                '{ d=${d%/stack}; echo "${d##*/}"; }; done',
                "in_directory": f'if [ -d {here} ]; then echo ./; ls -A {here}; fi',
                "set_aside": f"ls -d /etc/sysctl.d/*{SET_ASIDE_SUFFIX}* "
                f"/etc/sysctl.conf{SET_ASIDE_SUFFIX}*; :",
                # What a run that was killed while it copied images has left is one more.
                "caches": '[ -z "$u" ] || { ls -d /var/tmp/buildah-cache-$u '
                "/var/tmp/containers-user-$u; "
                "find /var/tmp -maxdepth 1 -user $u -name 'xnai-images-*'; }; :",
                "packages": f"ls {INSTALLED} {INSTALLING}; :",
            }
        )

    def process(self, output: list[str]) -> Remains | None:
        """Parse the sections; None where one is missing."""
        found = split(output)
        if "packages" not in found:
            return None
        files = dict(line.split(" ", 1)[::-1] for line in found["files"])
        inside = found["in_directory"]
        return Remains(
            record=decoded(found["record"]),
            kept=decoded(found["kept"]),
            account=_account(found),
            wrapper_user=found["wrapper"][0] if found["wrapper"] else "",
            store=_store(found) if found["wrapper_there"] else None,
            volume_names=tuple(path.rpartition("/")[2] for path in found["volume_names"]),
            files={path: whose == "ours" for path, whose in files.items()}
            | dict.fromkeys(found["certificates"], True),
            directories=frozenset(found["directories"]),
            enabled=bool(found["enabled"]),
            others=tuple(found["others"]),
            in_directory=tuple(inside[1:]) if inside else None,
            set_aside=tuple(found["set_aside"]),
            caches=tuple(found["caches"]),
            packages=bool(found["packages"]),
        )


def _account(found: Mapping[str, list[str]]) -> Account | None:
    fields = found["passwd"][0].split(":") if found["passwd"] else []
    if len(fields) != 7:
        return None
    return Account(
        uid=int(fields[2]),
        home=fields[5],
        lingering=bool(found["linger"]),
        sessions=len(found["sessions"]),
        subuid=tuple(found["subuid"]),
        subgid=tuple(found["subgid"]),
    )


def _store(found: Mapping[str, list[str]]) -> Kept | PodmanUnknown:
    """What Podman answered; it must have answered everything."""
    said: dict[str, list[str]] = {}
    for part in (
        "containers", "all_containers", "networks", "volumes", "all_volumes", "images", "secrets",
    ):
        lines = answer(found[f"podman_{part}"])
        if lines is None:
            return PodmanUnknown()
        said[part] = lines
    try:
        images: list[Mapping[str, Any]] = json.loads("\n".join(said["images"]) or "[]")
        secrets: list[Mapping[str, Any]] = json.loads("\n".join(said["secrets"]) or "[]")
    except ValueError:
        return PodmanUnknown()
    ids = dict(line.split(" ", 1) for line in said["containers"])
    labels = {
        item["Spec"]["Name"]: (item["Spec"].get("Labels") or {}).get("io.xnai.stack", "")
        for item in secrets
    }
    others = [f"container {name}" for name in said["all_containers"] if name not in ids]
    others += [f"volume {name}" for name in said["all_volumes"] if name not in said["volumes"]]
    cgroups = parse_cgroups(found["cgroups"])
    used = sum((cgroups[id_].swap_current_bytes or 0) for id_ in ids.values() if id_ in cgroups)
    return Kept(
        containers=tuple(ids),
        networks=tuple(said["networks"]),
        volumes=tuple(said["volumes"]),
        secrets=labels,
        images=parse_images(images),
        others=tuple(others),
        swap_mib=used >> 20,
    )
