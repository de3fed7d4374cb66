"""The program that replaces secrets on the host, and puts the old ones back; root runs it there.

The order of a rotation: `replace`, the database's container recreated, `role`, the other
containers recreated, and the file with the old values removed. Going back is the same with
`back` in place of `replace`. Whoever starts the program makes the containers.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from xnai.programs.backup.ending import fail_on_signals, ignore_signals, report
from xnai.programs.backup.podman import Podman
from xnai.programs.backup.process import Failed, tell
from xnai.programs.backup.psql import statements
from xnai.programs.backup.role import set_password
from xnai.programs.backup.whole_file import write
from xnai.programs.rotation.spec import RotationSpec

# Versions before 2.0 have no such table: there a new secret ends all sessions.
_END_SESSIONS = b"""\
SELECT to_regclass('sessions') IS NOT NULL AS keeps_some \\gset
\\if :keeps_some
WITH ended AS (DELETE FROM sessions RETURNING 1) SELECT count(*) FROM ended;
\\endif
"""
# As many as the first ones have: 64 hexadecimal digits.
_BYTES = 32


class Rotation:
    """One rotation, with what it needs to know."""

    def __init__(self, spec: RotationSpec) -> None:
        self.spec = spec
        self.podman = Podman(spec.podman)
        self.kept = Path(spec.kept)
        self.marker = Path(spec.marker)

    def replace(self) -> None:
        """Make new values and replace the secrets; on failure the old ones are put back.

        Raises:
            Failed: nothing was changed, or all is as it was but for the secrets' IDs.
        """
        self._require_database()
        old = self._old()
        write(self.kept, json.dumps(old))
        # From here on the next run knows, also after a restart of the machine.
        write(self.marker, "".join(f"{name}\n" for name in self.spec.names))
        try:
            for forms in self.spec.values:
                value = secrets.token_hex(_BYTES)
                self.podman.put_secrets(
                    self.spec.stack, {name: form % value for name, form in forms.items()}
                )
        except BaseException:
            ignore_signals()
            tell("putting the old values back")
            self.back()
            raise
        tell(f"{len(self.spec.names)} secrets have new values")

    def back(self) -> None:
        """Put the old values back where others are in their place.

        Raises:
            Failed: they are not there any more, or Podman fails.
        """
        try:
            old: dict[str, str] = json.loads(self.kept.read_text())
        except FileNotFoundError:
            raise Failed(
                f"the old values ({self.kept}) are not there any more; they do not outlive a "
                "restart of the machine"
            ) from None
        now = self.podman.secrets(list(old))
        other = {name: value for name, value in old.items() if now.get(name) != value}
        self.podman.put_secrets(self.spec.stack, other)
        tell(f"{len(other)} secrets have their old values again")

    def role(self) -> None:
        """Set the database role's password to what its secret says.

        Raises:
            Failed: the database refuses.
        """
        if self.spec.database:
            set_password(self.podman, self.spec.container, self.spec.database)
            tell("the database role's password is that of its secret")

    def end_sessions(self) -> None:
        """Let everybody log in to Vikunja again; what has its own token goes on for ten minutes.

        Raises:
            Failed: the database refuses.
        """
        database = self.spec.sessions_of
        if not database:
            return
        said = statements(
            self.podman, self.spec.container, database, _END_SESSIONS,
            "--tuples-only", "--no-align", doing="ending the sessions with Vikunja",
        )
        tell(f"sessions with Vikunja that were ended: {said.strip() or 'none, it keeps none'}")

    def _require_database(self) -> None:
        """Ask the database for something before anything is changed, where it can answer."""
        database = self.spec.database
        if database and self.spec.settled:
            self.podman.run(
                "exec", self.spec.container, "psql", "--no-psqlrc", "--quiet", "--no-password",
                f"--username={database.user}", f"--dbname={database.name}", "--command=select 1",
                doing="asking the database",
            )

    def _old(self) -> dict[str, str]:
        """The values to go back to."""
        now = self.podman.secrets(self.spec.names)
        before: dict[str, str] = {}
        with suppress(FileNotFoundError):
            before = json.loads(self.kept.read_text())
        if self.spec.settled:
            if before:
                tell("what an earlier rotation left is in force since: its old values are dropped")
            return now
        if before:
            tell("an earlier rotation was not finished: its old values are kept, to go back to")
        else:
            tell(
                "an earlier rotation was not finished, and the values before it are lost: there "
                "is nothing older to go back to than what is there now"
            )
        return now | before


def main(spec: RotationSpec, action: str) -> int:
    """Do what was asked for; return the exit code."""
    os.umask(0o077)
    fail_on_signals()
    one = Rotation(spec)
    actions: dict[str, Callable[[], None]] = {
        "replace": one.replace, "back": one.back, "role": one.role,
        "sessions": one.end_sessions,
    }
    try:
        actions[action]()
    except Failed as failed:
        report(failed)
        return 1
    return 0
