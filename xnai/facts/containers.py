"""The containers component as a host has it now: Podman, the stack's user, podman-compose."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from pyinfra.api.facts import FactBase

from xnai.facts.account import SESSIONS, WRAPPER_USER, by_user, linger
from xnai.facts.memory import installed_packages, parse_packages
from xnai.facts.sampler import SCRIPT as SAMPLER
from xnai.facts.sampler import SamplerUnit, parse_sampler
from xnai.facts.sections import FileState, file_states, owned, parse_file_states, script, split

# Debian's useradd gives regular users from 1000 on; ours stays clear of people's.
FIRST_UID = 2000
LAST_UID = 59999
# What rootless Podman needs of subordinate IDs.
SUB_IDS = 65536
CA_DIRECTORY = "/usr/local/share/ca-certificates"
# What update-ca-certificates(8) writes anew; older than a certificate, it lacks it.
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
CONTROLLERS = ("cpu", "cpuset", "io", "memory", "pids")


@dataclass(frozen=True)
class StackUser:
    """The stack's user: passwd(5) entry, primary group's name, subordinate IDs, lingering."""

    name: str
    uid: int
    group: str
    home: str
    subuid: bool
    subgid: bool
    lingering: bool


@dataclass(frozen=True)
class ContainersFacts:
    """What the containers step compares with the settings.

    Attributes:
        packages: Debian package -> installed version.
        files: path -> state; paths in the user's home are absolute too.
        directories: path -> `mode owner group` of the directories asked for that exist.
        user: None before it is made.
        free_uid: a UID that nobody has, for a new user.
        manager: controllers that the user's manager may hand on; None while it does not run.
        sessions: number of the user's login sessions.
        compose_python: whether podman-compose's environment fits the system's Python.
        untrusted: certificate files that are not in the system's bundle yet.
        needs_reload: whether systemd has not read the user service's drop-in yet.
        controllers: the cgroup controllers that this kernel has and systemd hands out.
        wrapper_user: the user whose Podman /usr/local/bin/xnai-podman runs, empty without one.
        own_certificates: every certificate file that bears our prefix.
        manager_oom_score_adj: of the user's manager; what it starts cannot have less. None while
            it does not run.
        user_slice_low_mib: memory.low of the cgroup that its containers are in, in MiB; None
            before the first container.
        sampler: the memory sampler's unit; None without one.
    """

    packages: dict[str, str]
    files: dict[str, FileState]
    directories: dict[str, str]
    user: StackUser | None
    free_uid: int
    manager: frozenset[str] | None
    sessions: int
    compose_python: bool
    untrusted: frozenset[str]
    needs_reload: bool
    controllers: frozenset[str]
    wrapper_user: str
    own_certificates: frozenset[str]
    manager_oom_score_adj: int | None
    user_slice_low_mib: int | None
    sampler: SamplerUnit | None


# A user may stand there by number too (subuid(5)).
_SUB_IDS = (
    "for f in u g; do while IFS= read -r l || [ -n \"$l\" ]; do case $l in @USER@:*|\"${u:--}\":*) "
    "echo \"$f $l\" ;; esac; done < /etc/sub${f}id; done; :"
)


def _print(path: str) -> str:
    """Shell code that prints the one line of a file; a process for it would cost more."""
    return f'IFS= read -r l < {path} && echo "$l"'



_CGROUP = "/sys/fs/cgroup/user.slice/user-$u.slice/user@$u.service"
# Of the stack user's manager.
_MANAGER = {
    "manager": '[ -n "$u" ] && [ -S /run/user/$u/bus ] && '
    f"{_print(f'{_CGROUP}/cgroup.controllers')}; :",
    "reload": '[ -n "$u" ] && systemctl show --property NeedDaemonReload --value '
    "user@$u.service user-$u.slice user.slice; :",
    "oom": f'[ -n "$u" ] && read p < {_CGROUP}/init.scope/cgroup.procs && '
    f"{_print('/proc/$p/oom_score_adj')}; :",
    "low": f'[ -n "$u" ] && {_print(f"{_CGROUP}/user.slice/memory.low")}; :',
}


class Containers(FactBase[ContainersFacts | None]):
    """The containers component's state by one command, or None where it could not be read."""

    def command(
        self,
        packages: Sequence[str],
        paths: Sequence[str],
        home_paths: Sequence[str],
        directories: Sequence[str],
        certificates: Sequence[str],
        stack_user: str,
        compose: str,
    ) -> str:
        """Return the script.

        Args:
            packages: Debian packages to look up.
            paths: our files, absolute; `{uid}` stands for the stack user's UID.
            home_paths: our files below the stack user's home, relative.
            directories: our directories, absolute.
            certificates: our CA certificates, absolute.
            stack_user: the stack user's name.
            compose: directory of podman-compose's environment.
        """
        user = shlex.quote(stack_user)
        here = " ".join(shlex.quote(path) for path in directories)
        env = shlex.quote(compose)
        crts = " ".join(shlex.quote(path) for path in certificates)
        # Ours are plain words, which shlex.quote leaves bare: the variables may stand in them.
        late = [path.replace("{uid}", "@UID@") for path in paths]
        files = file_states(late).replace("@UID@", "$u")
        homes = file_states([f"@HOME@/{path}" for path in home_paths]).replace("@HOME@", '"$1"')
        # As few processes as can be: on a slow machine they are what this takes.
        return (
            f"IFS=: read -r x x u x x h x <<END\n$(getent passwd {user} 2>/dev/null)\nEND\n"
        ) + script(
            {
                "packages": installed_packages(packages),
                "files": "\n".join((files, by_user(stack_user, homes, 5))),
                "directories": f'set --; for d in {here}; do [ ! -d "$d" ] || set -- "$@" "$d"; '
                'done; [ $# = 0 ] || stat -c "%a %U %G %n" -- "$@"; :',
                "passwd": f'getent passwd {user} && id -gn {user}; :',
                "subids": _SUB_IDS.replace("@USER@", stack_user),
                "linger": linger(stack_user),
                "uids": "getent passwd | cut -d: -f3",
                "untrusted": f'for c in {crts}; do [ -e "$c" ] && '
                f'[ {BUNDLE} -nt "$c" ] || echo "$c"; done; :',
                **_MANAGER,
                "controllers": _print("/sys/fs/cgroup/cgroup.controllers"),
                "wrapper": WRAPPER_USER,
                "own_certificates": f'for c in {CA_DIRECTORY}/xnai-*.crt; do '
                'if [ -e "$c" ] || [ -L "$c" ]; then echo "$c"; fi; done',
                "sampler": SAMPLER,
                "sessions": SESSIONS,
                "compose": f'[ -x {env}/bin/podman-compose ] && '
                f'[ -n "$(find {env} -maxdepth 0 -perm -005)" ] && '
                f'p=$(readlink -f /usr/bin/python3) && [ -e {env}/lib/"${{p##*/}}" ] && '
                'echo "$p"; :',
            }
        )

    def process(self, output: list[str]) -> ContainersFacts | None:
        """Parse the sections; None where one is missing."""
        found = split(output)
        if "compose" not in found or not found["uids"]:
            return None
        taken = {int(uid) for uid in found["uids"] if uid.isdigit()}
        return ContainersFacts(
            packages=parse_packages(found["packages"]),
            files=parse_file_states(found["files"]),
            directories={
                path: f"{mode} {owner} {group}"
                for mode, owner, group, path in filter(None, map(owned, found["directories"]))
            },
            user=_user(found),
            free_uid=next(uid for uid in range(FIRST_UID, LAST_UID) if uid not in taken),
            manager=frozenset(found["manager"][0].split()) if found["manager"] else None,
            sessions=len(found["sessions"]),
            compose_python=bool(found["compose"]),
            untrusted=frozenset(found["untrusted"]),
            needs_reload="yes" in found["reload"],
            controllers=frozenset(" ".join(found["controllers"]).split()),
            wrapper_user=found["wrapper"][0] if found["wrapper"] else "",
            own_certificates=frozenset(found["own_certificates"]),
            manager_oom_score_adj=int(found["oom"][0]) if found["oom"] else None,
            user_slice_low_mib=_mib(found["low"]),
            sampler=parse_sampler(found["sampler"]),
        )


def _mib(lines: list[str]) -> int | None:
    """MiB of a memory.low; "max" is more than any."""
    if not lines:
        return None
    return int(lines[0]) >> 20 if lines[0].isdigit() else 1 << 40


def _sub_ids(kind: str, lines: list[str]) -> int:
    """How many subordinate IDs the lines give, `u name:first:count` each."""
    counts = (line.split(":")[-1] for line in lines if line.startswith(f"{kind} "))
    return sum(int(count) for count in counts if count.isdigit())


def _user(found: dict[str, list[str]]) -> StackUser | None:
    if len(found["passwd"]) != 2:
        return None
    name, _, uid, _, _, home, _ = found["passwd"][0].split(":")
    return StackUser(
        name=name,
        uid=int(uid),
        group=found["passwd"][1],
        home=home,
        subuid=_sub_ids("u", found["subids"]) >= SUB_IDS,
        subgid=_sub_ids("g", found["subids"]) >= SUB_IDS,
        lingering=bool(found["linger"]),
    )
