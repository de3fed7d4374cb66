"""Rootless Podman for the stack's user, and podman-compose in its own pinned environment."""

import hashlib
import shlex
from io import StringIO
from pathlib import Path

from pyinfra import host
from pyinfra.operations import files, server, systemd

from tasks import preflight, verify
from xnai.deferred import defer
from xnai.facts.containers import CONTROLLERS, Containers, ContainersFacts
from xnai.facts.sections import file_difference
from xnai.operations import apt, stack_user
from xnai.pyinfra_ext import RUN_BY_PYINFRA, fail_host, summary, this_host_alone
from xnai.render import ROOT, render
from xnai.settings import Settings, current

PACKAGES = (
    "aardvark-dns", "ca-certificates", "catatonit", "crun", "dbus-user-session", "netavark",
    "nftables", "passt", "podman", "python3-venv", "uidmap",
)
COMPOSE = "/opt/xnai/podman-compose"
COMPOSE_LOCK = f"{COMPOSE}/requirements.txt"
LOCK_UPLOAD = "/opt/xnai/podman-compose.txt"
USER_SERVICE = "/etc/systemd/system/user@{uid}.service.d/90-xnai.conf"
XNAI_PODMAN = "/usr/local/bin/xnai-podman"
CA_DIRECTORY = "/usr/local/share/ca-certificates"


def authorities(settings: Settings) -> dict[str, str]:
    """Return the extra CA certificates: path on the host -> text."""
    return {
        f"{CA_DIRECTORY}/xnai-{Path(path).stem}.crt": Path(path).read_text("utf-8")
        for path in settings.extra_ca_certificates
    }


def directories(settings: Settings, user: str, group: str) -> dict[str, str]:
    """Return the stack's directories with `mode owner group`, parents first."""
    stack = f"/var/lib/xnai/{settings.stack_name}"
    return {"/opt/xnai": "0755 root root", "/var/lib/xnai": "0755 root root"} | {
        path: f"0700 {user} {group}" for path in (stack, f"{stack}/build", f"{stack}/stack")
    }


def home_texts(settings: Settings) -> dict[str, str]:
    """Return our files below the stack user's home, relative path -> text."""
    return {
        ".config/containers/containers.conf": render(
            "containers/containers.conf.j2", compose=f"{COMPOSE}/bin/podman-compose"
        ),
        ".config/containers/registries.conf": render(
            "containers/registries.conf.j2", mirrors=settings.registry_mirrors
        ),
    }


def read(settings: Settings) -> ContainersFacts:
    """Return the component's facts, or fail the host."""
    facts = host.get_fact(
        Containers,
        packages=list(PACKAGES),
        paths=[XNAI_PODMAN, COMPOSE_LOCK, USER_SERVICE, *authorities(settings)],
        home_paths=list(home_texts(settings)),
        directories=list(directories(settings, "", "")),
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
    uid = facts.user.uid if facts.user else facts.free_uid
    group = facts.user.group if facts.user else name
    home = facts.user.home if facts.user else f"/home/{name}"

    if missing := [package for package in PACKAGES if package not in facts.packages]:
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
    for path, wanted in directories(settings, name, group).items():
        if (found := facts.directories.get(path, "absent")) != wanted:
            mode, owner, owner_group = wanted.split()
            files.directory(
                name=f"containers: {path} ({found} -> {wanted})",
                path=path, mode=mode, user=owner, group=owner_group,
            )
    for path, text in home_texts(settings).items():
        _put(facts, f"{home}/{path}", text, "0644", name, group)
    script = render("containers/xnai-podman.j2", user=name, uid=uid, home=home)
    _put(facts, XNAI_PODMAN, script, "0755")
    _compose(settings, facts)


def _put(facts, path, text, mode="0644", owner="root", group="root"):
    """Declare one file if it differs; True if it was declared."""
    difference = file_difference(facts.files.get(path), text, mode, owner, group)
    if difference:
        if owner != "root":
            for parent in (Path(path).parent.parent, Path(path).parent):
                files.directory(
                    name=f"containers: {parent}", path=str(parent), user=owner, group=group
                )
        files.put(
            name=f"containers: {path} ({difference})",
            src=StringIO(text), dest=path, mode=mode, user=owner, group=group,
        )
    return bool(difference)


def _trust(settings, facts):
    """Extra CA certificates, the way that Debian's ca-certificates takes them."""
    for path, text in authorities(settings).items():
        _put(facts, path, text)
    if facts.untrusted:
        names = summary([Path(path).stem for path in sorted(facts.untrusted)])
        server.shell(name=f"containers: trust {names}", commands=["update-ca-certificates"])


def _user_service(settings, facts, name, uid):
    """Delegation and lingering; the manager of a user with a session is never restarted."""
    # A login user keeps systemd-oomd's guard: his desktop would lose it with the stack.
    exempt = settings.oom_guard_exempt_stack and not settings.stack_user_explicit
    text = render("containers/user-service.conf.j2", oom_exempt=exempt)
    if _put(facts, USER_SERVICE.format(uid=uid), text) or facts.needs_reload:
        systemd.daemon_reload(name=f"containers: tell systemd of user@{uid}.service's drop-in")
    incomplete = facts.manager is not None and not facts.manager >= set(CONTROLLERS)
    if incomplete and facts.sessions:
        lacking = ", ".join(sorted(set(CONTROLLERS) - facts.manager))
        defer(
            "containers",
            f"the cgroup controllers {lacking} reach {name} only after its manager was started "
            f"anew, and {name} is logged in. Log out everywhere, or reboot.",
        )
    elif incomplete:
        systemd.service(
            name=f"containers: restart user@{uid}.service (delegation incomplete)",
            service=f"user@{uid}.service", restarted=True, daemon_reload=True,
        )
    if facts.user is None or not facts.user.lingering or facts.manager is None:
        stack_user.linger(
            name=f"containers: let {name}'s services run without a login", user=name, uid=uid
        )


def _compose(settings, facts):
    """podman-compose from its locked requirements; the lock is copied in last, as the proof."""
    lock = (ROOT / "files/podman-compose/requirements.txt").read_text("utf-8")
    state = facts.files.get(COMPOSE_LOCK)
    digest = hashlib.sha256(lock.encode()).hexdigest()
    if facts.compose_python and state and state.sha256 == digest:
        return
    files.put(
        name="containers: podman-compose's lock",
        src=StringIO(lock), dest=LOCK_UPLOAD, mode="0644",
    )
    why = "its lock or Python changed" if state else "absent"
    server.shell(
        name=f"containers: podman-compose in {COMPOSE} ({why})",
        commands=[
            f"rm -rf {COMPOSE} && python3 -m venv {COMPOSE}",
            f"{COMPOSE}/bin/pip install --quiet --disable-pip-version-check --no-cache-dir "
            "--no-deps --require-hashes --only-binary :all: "
            f"--index-url {shlex.quote(settings.package_index_url)} "
            f"--cert /etc/ssl/certs/ca-certificates.crt -r {LOCK_UPLOAD}",
            f"cp {LOCK_UPLOAD} {COMPOSE_LOCK}",
        ],
    )


if __name__ == RUN_BY_PYINFRA:
    with this_host_alone():
        preflight.apply()
        apply()
        verify.waiting()
