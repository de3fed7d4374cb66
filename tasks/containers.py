"""Rootless Podman for the stack's user, and podman-compose in its own pinned environment."""

import hashlib
import shlex
from pathlib import Path

from pyinfra import host
from pyinfra.operations import files, server, systemd

from tasks import before, preflight, verify
from xnai.facts.containers import CONTROLLERS, Containers, ContainersFacts
from xnai.facts.podman_call import XNAI_PODMAN
from xnai.facts.sections import file_difference
from xnai.machine import packages
from xnai.machine.files import (
    authorities,
    directories,
    home_texts,
    reserved_mib,
    system_texts,
    wrapper_text,
)
from xnai.operations import apt, root_file, stack_user, user_file
from xnai.operations.guard import one_at_a_time
from xnai.remote.limit import FETCH_LIMIT_S, Limited
from xnai.run.context import current
from xnai.run.known import known
from xnai.run.pending import defer
from xnai.run.pyinfra import RUN_BY_PYINFRA, fail_host, summary, this_host_alone
from xnai.settings.model import Settings
from xnai.stack.paths import COMPOSE, COMPOSE_LOCK, LOCK_UPLOAD
from xnai.templating.render import ROOT


def read(settings: Settings) -> ContainersFacts:
    """Return the component's facts, or fail the host."""
    facts = host.get_fact(
        Containers,
        packages=list(packages.CONTAINERS),
        paths=[XNAI_PODMAN, COMPOSE_LOCK, *system_texts(settings), *authorities(settings)],
        home_paths=list(home_texts(settings)),
        directories=list(directories(settings, "")),
        certificates=list(authorities(settings)),
        stack_user=settings.stack_user,
        compose=COMPOSE,
    )
    return facts or fail_host("could not read the containers state (getent, stat, dpkg-query)")


def apply() -> None:
    """Declare what differs between the settings and the host."""
    settings = current()
    facts = read(settings)
    name = settings.stack_user
    if facts.wrapper_user not in ("", name):
        fail_host(
            f"{XNAI_PODMAN} runs Podman as {facts.wrapper_user}, stack_user is {name!r}: one user "
            f"runs the stacks of a machine. Set stack_user = {facts.wrapper_user!r}; several "
            "stacks of that user differ in stack_name. Nothing was changed."
        )
    uid = facts.user.uid if facts.user else facts.free_uid
    group = facts.user.group if facts.user else name
    home = facts.user.home if facts.user else f"/home/{name}"

    if missing := [package for package in packages.CONTAINERS if package not in facts.packages]:
        apt.install(name=f"containers: install {summary(missing)}", packages=missing)
    _trust(settings, facts)
    if facts.user is None:
        # A regular user (not --system): others would see empty logs in journald. Without a
        # login shell it is not offered in graphical logins.
        server.user(  # noqa: S604  (its `shell` is the login shell)
            name=f"containers: user {name} (UID {uid}, locked password)",
            user=name, uid=uid, home=home, create_home=True,
            shell="/usr/sbin/nologin",
        )
    # useradd gives a new regular user its subordinate IDs; whether it did is read on the host.
    if facts.user is None or not (facts.user.subuid and facts.user.subgid):
        stack_user.subordinate_ids(name=f"containers: subordinate IDs for {name}", user=name)
    _user_service(settings, facts, name, uid)
    for path, wanted in directories(settings, group).items():
        if (found := facts.directories.get(path, "absent")) != wanted:
            mode, owner, owner_group = wanted.split()
            files.directory(
                name=f"containers: {path} ({found} -> {wanted})",
                path=path, mode=mode, user=owner, group=owner_group,
            )
    for path, text in home_texts(settings).items():
        target = f"{home}/{path}"
        if difference := file_difference(facts.files.get(target), text, "0644", name, group):
            user_file.put(
                name=f"containers: {target} ({difference})",
                text=text, path=target, user=name,
            )
    reserved = reserved_mib(settings)
    # None: the slice is not there yet, and will read the drop-in when it starts.
    if facts.user_slice_low_mib not in (None, reserved):
        stack_user.reload_manager(
            name=f"containers: memory.low of {name}'s user.slice "
            f"({facts.user_slice_low_mib} -> {reserved} MiB)",
            user=name, uid=uid,
        )
    _put(facts, XNAI_PODMAN, wrapper_text(name, uid, home), "0755")
    _compose(settings, facts)


def _put(facts: ContainersFacts, path: str, text: str, mode: str = "0644") -> bool:
    """Declare one of root's files if it differs; True if it was declared."""
    difference = file_difference(facts.files.get(path), text, mode)
    if difference:
        root_file.put(
            name=f"containers: {path} ({difference})", text=text, path=path, mode=mode
        )
    return bool(difference)


def _trust(settings: Settings, facts: ContainersFacts) -> None:
    """Extra CA certificates, the way that Debian's ca-certificates takes them."""
    wanted = authorities(settings)
    for path, text in wanted.items():
        _put(facts, path, text)
    gone = sorted(facts.own_certificates - set(wanted))
    for path in gone:
        root_file.remove(name=f"containers: {path} (no longer in the settings)", paths=[path])
    if facts.untrusted or gone:
        stems = [Path(path).stem for path in (*sorted(facts.untrusted), *gone)]
        server.shell(
            name=f"containers: trust just what the settings name ({summary(stems)})",
            commands=["update-ca-certificates --fresh" if gone else "update-ca-certificates"],
        )


def _user_service(settings: Settings, facts: ContainersFacts, name: str, uid: int) -> None:
    """Delegation and lingering; the manager of a user with a session is never restarted."""
    texts = system_texts(settings)
    # Each is compared before the reload: a list, not a generator.
    if any([_put(facts, path.format(uid=uid), text) for path, text in texts.items()]) or (
        facts.needs_reload
    ):
        systemd.daemon_reload(name=f"containers: tell systemd of {name}'s drop-ins")
    # Preflight has warned of a controller that this kernel does not have.
    handed_on = facts.controllers if facts.manager is None else facts.manager
    lacking = ", ".join(sorted((facts.controllers & set(CONTROLLERS)) - handed_on))
    reason = f"{lacking} not delegated" if lacking else ""
    if not settings.stack_user_explicit and (facts.manager_oom_score_adj or 0) > 0:
        reason = reason or f"its oom_score_adj is {facts.manager_oom_score_adj}"
    if reason and facts.sessions:
        defer(
            "containers",
            f"the manager of {name} must be started anew ({reason}), and {name} is logged in. "
            "Log out everywhere, or reboot.",
        )
    elif reason:
        known(host).user_manager_restarts = True
        systemd.service(
            name=f"containers: restart user@{uid}.service ({reason})",
            service=f"user@{uid}.service", restarted=True, daemon_reload=True,
        )
    if facts.user is None or not facts.user.lingering or facts.manager is None:
        stack_user.linger(
            name=f"containers: let {name}'s services run without a login", user=name, uid=uid
        )


def _compose(settings: Settings, facts: ContainersFacts) -> None:
    """podman-compose from its locked requirements; the lock is copied in last, as the proof."""
    lock = (ROOT / "files/podman-compose/requirements.txt").read_text("utf-8")
    state = facts.files.get(COMPOSE_LOCK)
    digest = hashlib.sha256(lock.encode()).hexdigest()
    if facts.compose_python and state and state.sha256 == digest:
        return
    root_file.put(name="containers: podman-compose's lock", text=lock, path=LOCK_UPLOAD)
    index = settings.package_index_url
    sources = f"--index-url {shlex.quote(index)}" if index else "--no-index"
    if settings.wheelhouse_dir:
        sources += f" --find-links {shlex.quote(settings.wheelhouse_dir)}"
    why = "its lock or Python changed" if state else "absent"
    server.shell(
        name=f"containers: podman-compose in {COMPOSE} ({why})",
        commands=[
            # It takes a command too, which its type does not say.
            Limited(  # type: ignore[list-item]
                one_at_a_time(
                    f"umask 022; rm -rf {COMPOSE} && python3 -m venv {COMPOSE} && "
                    f"{COMPOSE}/bin/pip install --quiet --disable-pip-version-check "
                    "--no-cache-dir --no-deps --require-hashes --only-binary :all: "
                    f"{sources} "
                    f"--cert /etc/ssl/certs/ca-certificates.crt -r {LOCK_UPLOAD} && "
                    f"cp {LOCK_UPLOAD} {COMPOSE_LOCK}"
                ),
                limit_s=FETCH_LIMIT_S,
            ),
        ],
    )


if __name__ == RUN_BY_PYINFRA:
    with this_host_alone():
        preflight.apply()
        before.apply()
        apply()
        verify.waiting()
