"""Whether the stack is being started by its boot unit."""

from __future__ import annotations

import shlex

from pyinfra.api.facts import FactBase


class BootUnit(FactBase[bool]):
    """Whether the stack is being started at this moment, as shortly after a boot."""

    def command(self, user: str, unit: str) -> str:
        """Return the script.

        Args:
            user: the stack's user.
            unit: the boot unit, a user unit of systemd.
        """
        return (
            f"u=$(id -u {shlex.quote(user)}) && for words in is-system-running "
            f"{shlex.quote(f'show -P ActiveState {unit}')}; do "
            f"runuser -u {shlex.quote(user)} -- env XDG_RUNTIME_DIR=/run/user/$u "
            "systemctl --user $words; done 2>/dev/null; :"
        )

    @staticmethod
    def default() -> bool:
        """Nothing could be read."""
        return False

    def process(self, output: list[str]) -> bool:
        """Read the manager's state and the unit's (systemctl(1))."""
        return not {"initializing", "starting", "activating"}.isdisjoint(output)
