"""Whether the stack on a lab machine is healthy, without waiting for its checks' interval."""

from __future__ import annotations

from xnai.lab.machine import Machine
from xnai.lab.waiting import until

CONTAINERS = 9
# What a deploy made; not what a test or a person starts beside it.
OURS = "--filter label=io.xnai.config"
_NAMED = f"xnai-podman ps --all {OURS} --format '{{{{.Names}}}} {{{{.Status}}}}'"
_CHECK = "xargs -r -P 3 -n 1 xnai-podman healthcheck run >/dev/null 2>&1"


def states(one: Machine) -> dict[str, str]:
    """Return container -> its status in Podman's words; checks of those not healthy are run now.

    Args:
        one: a machine that is up.
    """
    said = one.run(
        f"{_NAMED} | grep -v '(healthy)' | cut -d' ' -f1 | {_CHECK}; {_NAMED}", check=False
    ).stdout
    return dict(line.split(" ", 1) for line in said.splitlines())


def all_healthy(one: Machine) -> bool:
    """Return whether every container of the stack is healthy."""
    found = states(one)
    return len(found) >= CONTAINERS and all("(healthy)" in state for state in found.values())


def until_healthy(one: Machine, within_s: float) -> bool:
    """Wait until all is healthy; return whether it came to that in time."""
    return until(lambda: all_healthy(one), timeout_s=within_s, every_s=1)


def check_all(one: Machine) -> None:
    """Run every container's health check now."""
    one.run(f"xnai-podman ps {OURS} --format '{{{{.Names}}}}' | {_CHECK}", check=False)
