"""A backup of the stack's data, on demand: one archive on the host (docs/backup.md)."""

import shlex

from pyinfra import host
from pyinfra.facts.server import Which

from tasks import images
from xnai.operations import apt, backup
from xnai.programs.backup.bundle import make_spec
from xnai.run.context import current
from xnai.run.pyinfra import RUN_BY_PYINFRA, fail_host, this_host_alone
from xnai.run.store import read_store, refuse_unfinished_restore
from xnai.settings.model import Settings
from xnai.stack.differences import containers_of
from xnai.stack.paths import backup_home

# Program -> the Debian packages that it comes with. gpg asks its agent even for a passphrase
# that it was given.
PROGRAMS = {"age": ("age",), "gpg": ("gpg", "gpg-agent")}


def apply() -> None:
    """Declare the backup of a stack that is up. No preflight: nothing is deployed."""
    settings = current()
    wanted = images.stack_plan(settings)
    facts = read_store(host, settings)
    if refused := refuse_unfinished_restore(settings, facts):
        fail_host(f"backup: {refused}")
    found = containers_of(facts)
    wrong = []
    for service in wanted.services:
        container = found.get(service.container_name)
        # One that is paused may be what a killed backup left: the program lets it go on.
        if container is None or not (container.is_up or container.state == "paused"):
            state = f"{container.state} {container.health}".strip() if container else "absent"
            wrong.append(f"{service.container_name} ({state})")
    if wrong:
        fail_host(
            f"backup: not up: {', '.join(wrong)}. A backup is made of a stack that is healthy: "
            "pyinfra inventory.py deploy.py, then this again. Nothing was changed."
        )
    encryption(settings)
    backup.make(
        name=f"backup: archive of {settings.stack_name}'s data",
        spec=make_spec(settings, wanted, "make", copy_command()),
        home=backup_home(settings),
    )


def encryption(settings: Settings, *needed: str) -> None:
    """Install what encrypts, where the settings ask for it and the host lacks it."""
    if settings.backup_age_recipient and settings.backup_passphrase_file:
        fail_host(
            "backup_age_recipient and backup_passphrase_file are both set: one of them encrypts. "
            "Set the other one to None. Nothing was changed."
        )
    programs = dict.fromkeys(needed)
    if settings.backup_age_recipient:
        programs["age"] = None
    if settings.backup_passphrase_file:
        programs["gpg"] = None
    missing = [name for name in programs if not host.get_fact(Which, command=name)]
    if missing:
        packages = [package for name in missing for package in PROGRAMS[name]]
        apt.install(name=f"backup: install {', '.join(packages)}", packages=packages)


def copy_command() -> str:
    """Return how a person copies an archive to where pyinfra runs, with {path} and {name}."""
    if host.name.startswith("@local"):
        return "sudo cp {path} ."
    user = host.data.get("ssh_user")
    target = "@".join(filter(None, (user, host.data.get("ssh_hostname") or host.name)))
    port = f"-p {host.data.ssh_port} " if host.data.get("ssh_port") else ""
    sudo = "" if user == "root" else "sudo "
    # It may hold what nobody else shall read.
    return f"(umask 077; ssh {port}{shlex.quote(target)} {sudo}cat {{path}} > {{name}})"


if __name__ == RUN_BY_PYINFRA:
    with this_host_alone():
        apply()
