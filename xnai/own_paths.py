"""Every path of root's that a deploy writes: the one list for preflight, the record and tasks."""

from __future__ import annotations

from xnai.before import DIRECTORY
from xnai.facts.containers import CA_DIRECTORY
from xnai.facts.podman import XNAI_PODMAN
from xnai.settings.certificates import name_on_host
from xnai.settings.model import Settings

ZRAM_CONF = "/etc/systemd/zram-generator.conf.d/90-xnai.conf"
SYSCTL_CONF = "/etc/sysctl.d/90-xnai.conf"
ZSWAP_CONF = "/etc/tmpfiles.d/90-xnai.conf"
USER_SERVICE = "/etc/systemd/system/user@{uid}.service.d/90-xnai.conf"
# The cgroups above the user's manager.
SLICES = (
    "/etc/systemd/system/user.slice.d/90-xnai.conf",
    "/etc/systemd/system/user-{uid}.slice.d/90-xnai.conf",
)
OPT = "/opt/xnai"
COMPOSE = f"{OPT}/podman-compose"
COMPOSE_LOCK = f"{COMPOSE}/requirements.txt"
LOCK_UPLOAD = f"{OPT}/podman-compose.txt"
STATE = DIRECTORY


def certificate(path: str) -> str:
    """Return where the extra CA certificate `path` lies on the host."""
    return f"{CA_DIRECTORY}/{name_on_host(path)}"


def unit(settings: Settings) -> str:
    """Return the name of the boot unit, a user unit of systemd."""
    return f"{settings.stack_name}-stack.service"


def unit_file(settings: Settings) -> str:
    """Return the boot unit's path: among all users' units, but its condition names one user."""
    return f"/etc/systemd/user/{unit(settings)}"


def files(settings: Settings) -> list[str]:
    """Return the files outside of directories of ours; `{uid}` stands for the stack user's UID."""
    return [
        ZRAM_CONF, SYSCTL_CONF, ZSWAP_CONF, XNAI_PODMAN, USER_SERVICE, *SLICES,
        unit_file(settings), *map(certificate, settings.extra_ca_certificates),
    ]


def directories(settings: Settings) -> list[str]:
    """Return the directories that are ours; what is in them nobody but root can put there."""
    stack = f"{STATE}/{settings.stack_name}"
    return [OPT, COMPOSE, STATE, stack, f"{stack}/build", f"{stack}/stack"]
