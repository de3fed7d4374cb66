"""Where the stack's own files are on a host, and reading its state in one way everywhere."""

from __future__ import annotations

from pyinfra.api.host import Host

from xnai.facts.podman import Stack, StackFacts
from xnai.settings.model import Settings


def compose_file(settings: Settings) -> str:
    """Return the compose file's path on the host."""
    return f"/var/lib/xnai/{settings.stack_name}/stack/docker-compose.yml"


def unit(settings: Settings) -> str:
    """Return the name of the boot unit, a user unit of systemd."""
    return f"{settings.stack_name}-stack.service"


def unit_file(settings: Settings) -> str:
    """Return the boot unit's path: among all users' units, but its condition names one user."""
    return f"/etc/systemd/user/{unit(settings)}"


def read_stack(host: Host, settings: Settings) -> StackFacts:
    """Return the stack's facts of `host`."""
    facts: StackFacts = host.get_fact(
        Stack,
        stack_name=settings.stack_name,
        paths=[compose_file(settings), unit_file(settings)],
        wants=f"/etc/systemd/user/default.target.wants/{unit(settings)}",
    )
    return facts
