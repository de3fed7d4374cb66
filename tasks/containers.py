"""Rootless Podman for the stack's user, and podman-compose in its own pinned environment."""

import shlex

from pyinfra import host
from pyinfra.operations import files, server, systemd

from tasks import before, preflight, verify
from xnai.diagnostics.difference import FileDifference
from xnai.facts.podman_call import XNAI_PODMAN
from xnai.machine.differences import MachineDifferences, differences
from xnai.machine.files import compose_lock
from xnai.machine.packages import podman_major
from xnai.operations import apt, network, root_file, stack_user, user_file
from xnai.operations.guard import one_at_a_time
from xnai.remote.limit import FETCH_LIMIT_S, Limited
from xnai.run.context import current
from xnai.run.known import known
from xnai.run.pending import defer
from xnai.run.pyinfra import RUN_BY_PYINFRA, fail_host, summary, this_host_alone
from xnai.run.reading import read_containers
from xnai.settings.model import Settings
from xnai.stack.paths import COMPOSE, COMPOSE_LOCK, LOCK_UPLOAD


def apply() -> None:
    """Declare what differs between the settings and the host."""
    settings = current()
    facts = read_containers(host, settings)
    if facts.wrapper_user not in ("", settings.stack_user):
        fail_host(
            f"{XNAI_PODMAN} runs Podman as {facts.wrapper_user}, stack_user is "
            f"{settings.stack_user!r}: a machine has one stack, of one user. Set stack_user = "
            f"{facts.wrapper_user!r}. Nothing was changed."
        )
    found = differences(settings, facts, podman_major(preflight.look(settings)))
    name, uid = found.user.name, found.user.uid
    if found.packages:
        apt.install(
            name=f"containers: install {summary(found.packages)}", packages=list(found.packages)
        )
    _trust(found)
    if found.user_absent:
        # A regular user (not --system): others would see empty logs in journald. Without a
        # login shell it is not offered in graphical logins.
        server.user(  # noqa: S604  (its `shell` is the login shell)
            name=f"containers: user {name} (UID {uid}, locked password)",
            user=name, uid=uid, home=found.user.home, create_home=True,
            shell="/usr/sbin/nologin",
        )
    if found.sub_ids_absent:
        stack_user.subordinate_ids(name=f"containers: subordinate IDs for {name}", user=name)
    _user_service(found)
    for path, (is_, wanted) in found.directories.items():
        mode, owner, owner_group = wanted.split(" ", 2)
        files.directory(
            name=f"containers: {path} ({is_} -> {wanted})",
            path=path, mode=mode, user=owner, group=owner_group,
        )
    for file in found.home_files:
        user_file.put(name=f"containers: {file}", text=file.text, path=file.path, user=name)
    if found.user_slice:
        is_mib, wanted_mib = found.user_slice
        stack_user.reload_manager(
            name=f"containers: memory.low of {name}'s user.slice ({is_mib} -> {wanted_mib} MiB)",
            user=name, uid=uid,
        )
    if found.wrapper:
        _put(found.wrapper)
    if found.compose:
        _compose(settings, found.compose)


def _put(file: FileDifference) -> None:
    root_file.put(
        name=f"containers: {file}", text=file.text, path=file.path, mode=file.mode
    )


def _trust(found: MachineDifferences) -> None:
    """Extra CA certificates, the way that Debian's ca-certificates takes them."""
    for file in found.certificates:
        _put(file)
    gone = found.unwanted_certificates
    for path in gone:
        root_file.remove(name=f"containers: {path} (no longer in the settings)", paths=[path])
    if found.untrusted:
        server.shell(
            name=f"containers: trust just what the settings name ({summary(found.untrusted)})",
            commands=["update-ca-certificates --fresh" if gone else "update-ca-certificates"],
        )


def _user_service(found: MachineDifferences) -> None:
    """Delegation and lingering; the manager of a user with a session is never restarted."""
    name, uid = found.user.name, found.user.uid
    for file in found.drop_ins:
        _put(file)
    if found.reload:
        systemd.daemon_reload(name=f"containers: tell systemd of {name}'s drop-ins")
    if found.manager_waits:
        defer("containers", found.manager_waits)
    elif found.manager:
        known(host).user_manager_restarts = True
        systemd.service(
            name=f"containers: restart user@{uid}.service ({found.manager})",
            service=f"user@{uid}.service", restarted=True, daemon_reload=True,
        )
    if not found.lingers:
        stack_user.linger(
            name=f"containers: let {name}'s services run without a login", user=name, uid=uid
        )


def _compose(settings: Settings, why: str) -> None:
    """podman-compose from its locked requirements; the lock is copied in last, as the proof."""
    root_file.put(name="containers: podman-compose's lock", text=compose_lock(), path=LOCK_UPLOAD)
    reach = network.of(settings)
    index = settings.package_index_url
    sources = f"--index-url {shlex.quote(index)}" if index else "--no-index"
    if settings.wheelhouse_dir:
        sources += f" --find-links {shlex.quote(settings.wheelhouse_dir)}"
    server.shell(
        name=f"containers: podman-compose in {COMPOSE} ({why})",
        commands=[
            *reach.send(),  # type: ignore[list-item]
            # It takes a command too, which its type does not say.
            Limited(  # type: ignore[list-item]
                one_at_a_time(reach.around(
                    f"umask 022; rm -rf {COMPOSE} && python3 -m venv {COMPOSE} && "
                    f"{reach.pip}{COMPOSE}/bin/pip install --quiet --disable-pip-version-check "
                    "--no-cache-dir --no-deps --require-hashes --only-binary :all: "
                    f"{sources} "
                    f"--cert /etc/ssl/certs/ca-certificates.crt -r {LOCK_UPLOAD} && "
                    f"cp {LOCK_UPLOAD} {COMPOSE_LOCK}"
                )),
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
