"""What the entries of several services share."""

from __future__ import annotations

from xnai.catalogue.model import Memory, SecretFile
from xnai.settings.model import Settings

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


def memory(settings: Settings, name: str) -> Memory:
    """Return what the settings say of a service's memory."""
    raised = 0 if name in settings.protected_services else settings.unprotected_oom_score_adj
    return Memory(
        limit_mib=getattr(settings, f"{name}_memory_limit_mib"),
        reservation_mib=getattr(settings, f"{name}_memory_reservation_mib"),
        swap_mib=getattr(settings, f"{name}_swap_mib"),
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
