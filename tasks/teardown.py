"""The stack taken down, the machine as it was; data stay unless purge names the host."""

import shlex
from collections.abc import Sequence

from pyinfra import host, state
from pyinfra.operations import server

from tasks import before as before_task
from xnai.facts.memory import Memory, MemoryFacts
from xnai.facts.podman_call import XNAI_PODMAN
from xnai.facts.sampler import PROGRAM, UNIT_FILE
from xnai.facts.teardown import Teardown
from xnai.machine import files as machine_files
from xnai.memory import files as memory_files
from xnai.operations import memory_back, packages, sampler, teardown, verify
from xnai.operations.guard import one_at_a_time
from xnai.record.baseline import BYTES_OF, DIRECTORY, KEPT, RECORD, Before
from xnai.run.context import current
from xnai.run.pyinfra import RUN_BY_PYINFRA, fail_host, summary, this_host_alone
from xnai.settings import layers
from xnai.settings.model import Settings
from xnai.stack import paths
from xnai.stack.paths import unit, unit_file
from xnai.teardown.model import BACKUP, ROTATION, Found, Plan
from xnai.teardown.plan import plan, refusals


def apply() -> None:
    """Declare what is to be removed and put back. No preflight: nothing is deployed."""
    settings = current()
    if settings.purge not in (None, host.name):
        where = layers.origin(layers.layers(host), "purge")
        fail_host(
            f"purge = {settings.purge!r} ({where}): this host is {host.name!r}. Data are removed "
            f"only where purge is the host's own name: --data purge={host.name}; without purge "
            "they are kept. Nothing was changed."
        )
    found = read(settings)
    if said := refusals(found):
        fail_host("teardown, nothing was changed:\n" + "\n".join(said))
    wanted = plan(found)
    _stack(settings, found, wanted)
    if found.shared:
        _user(settings, found, wanted)
        _machine(settings, found, wanted)
        _memory(found, wanted)
        _record(wanted)
    notes = list(wanted.notes)
    if not state.ops[host] and not notes:
        notes = [f"nothing of {settings.stack_name} is on this machine: nothing to take down"]
    if state.ops[host]:
        verify.report(
            name="teardown: what stays", show=lambda: _tell(notes)
        )
    else:
        _tell(notes)


def _tell(notes: Sequence[str]) -> None:
    for line in notes:
        host.log(line)


def read(settings: Settings) -> Found:
    """Return all that the plan is made from, or fail the host."""
    remains = host.get_fact(
        Teardown,
        stack=settings.stack_name,
        user=settings.stack_user,
        files=[
            memory_files.ZRAM_CONF, memory_files.SYSCTL_CONF, memory_files.ZSWAP_CONF, XNAI_PODMAN,
            UNIT_FILE,
            *(path.format(uid="*") for path in (paths.USER_SERVICE, *paths.SLICES)),
            unit_file(settings),
        ],
        home_files=list(machine_files.home_texts(settings)),
        wants=f"/etc/systemd/user/default.target.wants/{unit(settings)}",
    )
    if remains is None:
        fail_host("could not read what is here (getent, stat, base64). Nothing was changed.")
    record, former = _parsed(RECORD, remains.record), _parsed(KEPT, remains.kept)
    keys = {*settings.sysctls, *BYTES_OF.values(), *(record.sysctls if record else ())}
    return Found(
        settings=settings,
        remains=remains,
        memory=_read_memory(sorted(keys))
        or fail_host("could not read the memory state (/proc/meminfo, /proc/swaps, /sys/block)"),
        record=record,
        former=former,
        above=before_task.above_files(settings),
        host=host.name,
    )


def _read_memory(keys: Sequence[str]) -> MemoryFacts | None:
    return host.get_fact(Memory, packages=[memory_files.PACKAGE], paths=[], keys=keys)


def _parsed(path: str, content: bytes | None) -> Before | None:
    return None if content is None else before_task.parsed(path, content)


def _stack(settings: Settings, found: Found, wanted: Plan) -> None:
    """What is this stack's alone."""
    name, user = settings.stack_name, settings.stack_user
    account = found.remains.account
    if wanted.unit:
        of_user = (
            f"runuser -u {user} -- env XDG_RUNTIME_DIR=/run/user/{account.uid} systemctl --user"
            if account else ""
        )
        ours = found.remains.files.get(unit_file(settings))
        server.shell(
            name=f"teardown: boot unit {unit(settings)}",
            commands=[
                *([f"cd / && {of_user} stop {unit(settings)} || :"] if account else []),
                f"systemctl --global disable {unit(settings)} || :"
                + (f"; rm -f {unit_file(settings)}" if ours else ""),
                *([f"cd / && {of_user} daemon-reload || :"] if account else []),
            ],
        )
    parts = {
        "containers": wanted.containers, "networks": wanted.networks, "images": wanted.images,
        "volumes": wanted.volumes, "secrets": wanted.secrets,
    }
    if any(parts.values()):
        shown = ", ".join(
            f"{kind} {summary(names)}" for kind, names in parts.items() if names
        )
        teardown.podman(
            name=f"teardown: {shown}",
            containers=wanted.containers, networks=wanted.networks, images=wanted.images,
            volumes=wanted.volumes, secrets=wanted.secrets, label=f"io.xnai.stack={name}",
        )
    here = f"{DIRECTORY}/{name}"
    names = found.remains.in_directory
    if wanted.names or names == ():
        gone = " ".join(shlex.quote(f"{here}/{one}") for one in wanted.names)
        server.shell(
            name=f"teardown: {here} ({summary(wanted.names) or 'empty'})",
            commands=[
                one_at_a_time(
                    f"rm -rf {gone}; "
                    + teardown.without_empty([f"{here}/{BACKUP}", f"{here}/{ROTATION}", here])
                    # Its group goes with the user.
                    + f"; [ ! -d {here} ] || chgrp root {here}"
                    + (f"; rm -f /run/xnai-rotation-{name}.json" if found.purge else "")
                )
            ],
        )


def _user(settings: Settings, found: Found, wanted: Plan) -> None:
    """What the stack's user has, and what is told of it."""
    account, name = found.remains.account, settings.stack_user
    if wanted.caches:
        server.shell(
            name=f"teardown: build caches {summary(wanted.caches)}",
            commands=[one_at_a_time(f"rm -rf {shlex.join(wanted.caches)}")],
        )
    if wanted.home_files:
        there = found.old_user.existing if found.old_user else None
        home = f"{account.home}/" if account else "/nonexistent/"
        above = before_task.above(wanted.home_files)
        teardown.home_files(
            name=f"teardown: {summary(wanted.home_files)}",
            user=name, paths=wanted.home_files,
            directories=[
                path for path in above
                if there is not None and path.startswith(home) and path not in there
            ],
        )
    if wanted.sampler:
        sampler.remove(name="teardown: memory sampler with its history", path=PROGRAM)
    if wanted.files:
        server.shell(
            name=f"teardown: {summary(wanted.files, most=4)}",
            commands=[f"rm -f {shlex.join(wanted.files)}; systemctl daemon-reload"],
        )
    if wanted.linger and account:
        teardown.stop_user(
            name=f"teardown: {name} lingers no more", user=name, uid=account.uid,
            sessions=account.sessions,
        )
    for path, old in wanted.put_back.items():
        home = f"{account.home}/" if account else "/nonexistent/"
        teardown.put_back(
            name=f"teardown: {path} as it was", path=path, old=old,
            user=name if path.startswith(home) else "root",
        )


def _memory(found: Found, wanted: Plan) -> None:
    """Swap, sysctls and zswap as they were.

    After the packages: while zram's generator is there, the start of any service starts its swap
    too (each wants sysinit.target, that swap.target, that dev-zram0.swap).
    """
    if wanted.zram:
        record = found.record
        memory_back.zram(
            name="teardown: zram0 as it was" if record else "teardown: zram0",
            read=lambda: _read_memory([]), conf=memory_files.ZRAM_CONF,
            former=record.zram if record else None,
            device_before=record is None or "/sys/block/zram0" in record.existing,
        )
    if wanted.set_aside:
        memory_back.back(
            name=f"teardown: {summary(list(wanted.set_aside.values()))} (was set aside)",
            paths=wanted.set_aside,
        )
    if wanted.sysctls:
        shown = [f"{key} {value}" for key, value in wanted.sysctls.items()]
        memory_back.sysctls(name=f"teardown: sysctls ({summary(shown)})", values=wanted.sysctls)
    if wanted.zswap:
        server.shell(
            name="teardown: zswap on again",
            commands=["echo Y > /sys/module/zswap/parameters/enabled"],
        )


def _machine(settings: Settings, found: Found, wanted: Plan) -> None:
    """Programs, certificates, the user, packages."""
    if wanted.compose:
        server.shell(
            name=f"teardown: {paths.COMPOSE}",
            commands=[
                one_at_a_time(
                    f"rm -rf {paths.COMPOSE} {paths.LOCK_UPLOAD}; "
                    + teardown.without_empty(["/opt/xnai"])
                )
            ],
        )
    if wanted.certificates:
        server.shell(
            name=f"teardown: no longer trusted: {summary(wanted.certificates)}",
            commands=[f"rm -f {shlex.join(wanted.certificates)}; update-ca-certificates --fresh"],
        )
    if wanted.user and found.old_user:
        existing = found.old_user.existing
        teardown.remove_user(
            name=f"teardown: user {settings.stack_user} with its home", user=settings.stack_user,
            uid=wanted.user.uid,
            empty=[path for path in ("/etc/subuid", "/etc/subgid") if path not in existing],
        )
    if wanted.subuid or wanted.subgid:
        teardown.subordinate_ids(
            name=f"teardown: subordinate IDs of {settings.stack_user}", user=settings.stack_user,
            uids=wanted.subuid, gids=wanted.subgid,
        )
    if wanted.packages:
        packages.remove(name="teardown: packages that were installed for the stack")


def _record(wanted: Plan) -> None:
    """Last: a run that was killed before this begins anew with all that was recorded."""
    if wanted.directories and (wanted.files or wanted.record):
        server.shell(
            name="teardown: directories that were made for our files",
            commands=[teardown.without_empty(wanted.directories)],
        )
    if wanted.record:
        done = f"mv {RECORD} {KEPT}" if wanted.keep_record else f"rm -f {RECORD} {KEPT}"
        server.shell(
            name=f"teardown: the record ({'kept for the user' if wanted.keep_record else 'gone'})",
            commands=[f"{done}; {teardown.without_empty([DIRECTORY])}"],
        )


if __name__ == RUN_BY_PYINFRA:
    with this_host_alone():
        apply()
