"""Whether the stack on a lab machine is healthy, without waiting for its checks' interval."""

from __future__ import annotations

import time

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
    # Where nothing is to be checked, one podman process tells all: each costs a second.
    said = one.run(
        f"s=$({_NAMED}); b=$(echo \"$s\" | grep -v '(healthy)' | cut -d' ' -f1); "
        f'[ -z "$b" ] || {{ echo "$b" | {_CHECK}; s=$({_NAMED}); }}; echo "$s"', check=False
    ).stdout
    return dict(line.split(" ", 1) for line in said.splitlines() if " " in line)


def all_healthy(one: Machine) -> bool:
    """Return whether every container of the stack runs and is healthy, and no other is ours."""
    found = states(one)
    # One that ended keeps the health that it had: "Exited (0) 2 seconds ago (healthy)".
    return len(found) == CONTAINERS and all(
        state.startswith("Up ") and "(healthy)" in state for state in found.values()
    )


def until_healthy(one: Machine, within_s: float) -> bool:
    """Wait until all is healthy; return whether it came to that in time.

    One container's check at a time: those of all that still start, again and again, would take
    more of the machine's processor than their start.
    """
    ends = time.monotonic() + within_s
    one.run(
        f"end=$(($(date +%s) + {within_s:.0f})); {_NAMED} | grep -v '(healthy)' | cut -d' ' -f1 | "
        "while read -r name; do until xnai-podman healthcheck run $name >/dev/null 2>&1 </dev/null "
        "|| [ $(date +%s) -ge $end ]; do sleep 2; done; done",
        check=False, timeout_s=within_s + 60,
    )
    return until(
        lambda: all_healthy(one), timeout_s=max(0.0, ends - time.monotonic()), every_s=2
    )


def until_started(one: Machine) -> None:
    """Wait until the boot unit has started all containers: a check before that only costs time."""
    one.run(
        "systemctl --user --machine=xnai@ start xnai-stack.service", check=False, timeout_s=300
    )


def check_all(one: Machine) -> None:
    """Run every container's health check now."""
    one.run(f"xnai-podman ps {OURS} --format '{{{{.Names}}}}' | {_CHECK}", check=False)
