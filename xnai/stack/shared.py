"""What the files of several services share."""

from __future__ import annotations

from xnai.images.model import CopiedPath
from xnai.settings.model import Settings
from xnai.stack.model import MemoryShare, SecretFile
from xnai.templating.render import ROOT

SERVICES = ROOT / "files/services"

# What a login user's processes have, and cannot go below (OOMScoreAdjust= of Debian's
# user@.service); the drop-in of a dedicated user's manager sets 0.
_LOGIN_OOM_SCORE_ADJ = 100

# For services that write what they hold when they end. systemd ends a user's services 90 s after
# SIGTERM (DefaultTimeoutStopSec=) and the whole manager after 120 (user@.service).
SAVING_STOP_TIMEOUT_S = 75


def data_network(settings: Settings) -> str:
    """Return the name of the network without a way out, of the services that hold data."""
    return f"{settings.stack_name}_data"


def least_oom_score_adj(settings: Settings) -> int:
    """Return the least oom_score_adj that a process of the stack's user can have."""
    return _LOGIN_OOM_SCORE_ADJ if settings.stack_user_explicit else 0


def memory(settings: Settings, name: str) -> MemoryShare:
    """Return what the settings say of a service's memory."""
    found = settings.memory[name]
    raised = 0 if found.protected else settings.unprotected_oom_score_adj
    return MemoryShare(
        limit_mib=found.limit_mib,
        reservation_mib=found.reservation_mib,
        swap_mib=found.swap_mib,
        oom_score_adj=max(least_oom_score_adj(settings), raised),
    )


def own_user(settings: Settings) -> str:
    """Return uid:gid of the user in our own images."""
    return f"{settings.container_uid}:{settings.container_gid}"


def own_secret(settings: Settings, name: str) -> SecretFile:
    """Return a secret of the stack as a file for the user of our own images."""
    return SecretFile(
        f"{settings.stack_name}_{name}", name, settings.container_uid, settings.container_gid
    )


def http_health(url: str) -> tuple[str, ...]:
    """Return the health check that asks `url` from inside; it is in our base image."""
    return ("python", "-m", "service_common.http_health", url)


def heartbeat_health() -> tuple[str, ...]:
    """Return the health check of a service without a port: it writes down that it lives."""
    return ("python", "-m", "service_common.heartbeat", "--max-age-s", "120")


def reference(name: str, *paths: str) -> tuple[CopiedPath, ...]:
    """Return what of files/services/<name> goes into its image: `paths`, or its package."""
    return tuple(CopiedPath(SERVICES / name, path, f"app/{path}") for path in paths or (name,))


def lock(name: str) -> CopiedPath:
    """Return the lock of files/services/<name>."""
    return CopiedPath(SERVICES / name, "requirements.txt", "requirements.txt")


def allowed_hosts(
    settings: Settings, container_port: int, published_port: int, service: str = ""
) -> str:
    """Return the Host values that a page answers to: browser's, health check's, neighbours'."""
    hosts = [f"{name}:{published_port}" for name in settings.browser_hosts]
    hosts += [f"127.0.0.1:{container_port}"]
    hosts += [f"{service}:{container_port}"] if service else []
    return ",".join(dict.fromkeys(hosts))


def allowed_origins(settings: Settings, *ports: int) -> str:
    """Return the Origin values that a page answers to, a browser's."""
    return ",".join(f"http://{name}:{port}" for port in ports for name in settings.browser_hosts)
