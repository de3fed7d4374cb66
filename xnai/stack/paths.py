"""Root's files and directories that preflight, the baseline record and teardown know."""

from __future__ import annotations

from xnai.facts.containers import CA_DIRECTORY
from xnai.facts.podman_call import XNAI_PODMAN
from xnai.facts.sampler import UNIT_FILE
from xnai.memory.files import SYSCTL_CONF, ZRAM_CONF, ZSWAP_CONF
from xnai.record.baseline import DIRECTORY
from xnai.settings.certificates import name_on_host
from xnai.settings.model import Settings

USER_SERVICE = "/etc/systemd/system/user@{uid}.service.d/90-xnai.conf"
# The cgroups above the user's manager.
SLICES = (
    "/etc/systemd/system/user.slice.d/90-xnai.conf",
    "/etc/systemd/system/user-{uid}.slice.d/90-xnai.conf",
)
# Of the stack user's manager, for image builds: a sibling of the containers' slice.
BUILD_SLICE = "xnaibuild.slice"
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


def of_stack(settings: Settings, name: str = "") -> str:
    """Return the stack's own directory, or what has a name in it."""
    return "/".join(filter(None, (STATE, settings.stack_name, name)))


def stack_directory(settings: Settings) -> str:
    """Return the directory of the compose files."""
    return of_stack(settings, "stack")


def build_directory(settings: Settings) -> str:
    """Return the directory of contexts and scripts of the images' builds."""
    return of_stack(settings, "build")


def good_directory(directory: str) -> str:
    """Return where the last healthy generation's files are, beside the compose files."""
    return f"{directory}/good"


def data_record(settings: Settings) -> str:
    """Return the path of what says which copies of data belong to the last healthy generation."""
    return f"{good_directory(stack_directory(settings))}/data.json"


def backup_home(settings: Settings) -> str:
    """Return the directory of the backups that is there by default; it is root's alone."""
    return of_stack(settings, "backup")


def restore_marker(settings: Settings) -> str:
    """Return the path of the mark of a restore that has not ended.

    Not in the backups' directory: the stack's user cannot see what is in there, and the boot unit
    is that user's.
    """
    return of_stack(settings, "unfinished-restore")


def rotation_home(settings: Settings) -> str:
    """Return the directory of a rotation's program and mark; it is root's alone."""
    return of_stack(settings, "rotation")


def rotation_marker(settings: Settings) -> str:
    """Return the path of the file that says that a rotation has begun."""
    return f"{rotation_home(settings)}/unfinished"


def files(settings: Settings) -> list[str]:
    """Return the files outside of directories of ours; `{uid}` stands for the stack user's UID."""
    return [
        ZRAM_CONF, SYSCTL_CONF, ZSWAP_CONF, XNAI_PODMAN, USER_SERVICE, *SLICES,
        UNIT_FILE, unit_file(settings), *map(certificate, settings.extra_ca_certificates),
    ]


def directories(settings: Settings) -> list[str]:
    """Return the directories that are ours; what is in them nobody but root can put there."""
    return [
        OPT, COMPOSE, STATE, of_stack(settings), build_directory(settings),
        stack_directory(settings),
    ]
