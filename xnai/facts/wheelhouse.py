"""Which wheels a host's wheelhouse has."""

from __future__ import annotations

import shlex

from pyinfra.api.facts import FactBase

_MOST_NAMES = 20_000


class WheelhouseFiles(FactBase[list[str]]):
    """The names of the files in a directory; empty where it cannot be read."""

    def command(self, directory: str) -> str:
        """Return the script.

        Args:
            directory: absolute path on the host.
        """
        return f"ls -1 -- {shlex.quote(directory)} 2>/dev/null | head -n {_MOST_NAMES}"

    @staticmethod
    def default() -> list[str]:
        """Nothing could be read."""
        return []

    def process(self, output: list[str]) -> list[str]:
        """Take the names as they are."""
        return list(output)
