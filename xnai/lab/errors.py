"""The one exception that the lab shows to its user."""

from __future__ import annotations


class LabError(Exception):
    """A problem told as what, found, needed and what to do.

    Args:
        what: what could not be done, one sentence without a full stop.
        found: the value met, empty when there is none.
        needed: the value that would do, empty when there is none.
        todo: what the user can do about it.
        exit_code: 1 for a problem, 2 for "could not tell".
    """

    def __init__(
        self,
        what: str,
        *,
        found: str = "",
        needed: str = "",
        todo: str = "",
        exit_code: int = 1,
    ) -> None:
        self.what = what
        self.found = found
        self.needed = needed
        self.todo = todo
        self.exit_code = exit_code
        super().__init__(self.text())

    def text(self) -> str:
        """The message, one line per part that is not empty.

        Returns:
            The lines joined by newlines.
        """
        parts = (
            ("", self.what),
            ("  found:  ", self.found),
            ("  needed: ", self.needed),
            ("  to do:  ", self.todo),
        )
        return "\n".join(label + value for label, value in parts if value)
