"""Making an archive of the running stack."""

from __future__ import annotations

import time
from collections.abc import Sequence

from xnai.programs.backup import archive
from xnai.programs.backup.exports import Exports, used
from xnai.programs.backup.process import Failed, tell
from xnai.programs.backup.redis import SAVE
from xnai.programs.backup.run import PAUSED, Run
from xnai.programs.backup.spec import Database, Part
from xnai.programs.backup.whole_file import sync


class Backup(Run):
    """One run that makes an archive."""

    def go(self) -> None:
        """Make an archive of the running stack."""
        self.mark.refuse("a backup")
        sizes = {volume: used(self.podman.place(volume)) for volume in self.volumes}
        self.require_space(
            self.directory, 2 * sum(sizes.values()), "for the data and their archive"
        )
        exports = Exports(self.work / "data")
        began = time.monotonic()
        try:
            self._export_running(exports)
        finally:
            self._let_go_on()
        tell(f"the services are healthy again, after {time.monotonic() - began:.1f} s")
        if self.encrypts:
            exports.secrets(self.secret_values())
        path = self.pack(exports, "", self.versions())
        self.told(path)
        if not self.encrypts:
            tell("  not encrypted, and therefore without the secrets (docs/backup.md)")

    def _pause(self, containers: Sequence[str]) -> None:
        marker = self.work / PAUSED
        before = marker.read_text() if marker.exists() else ""
        # First written, then done: what is in it and not paused does no harm.
        marker.write_text(f"{before} {' '.join(containers)}")
        sync(marker)
        self.podman.run("pause", *containers, doing=f"pausing {', '.join(containers)}")

    def _let_go_on(self) -> None:
        """Let all that this run paused go on, whatever became of the rest, and get healthy."""
        marker = self.work / PAUSED
        states = self.podman.states(self.containers)
        names = marker.read_text().split() if marker.exists() else []
        # Redis last paused, first let go: the others ask it.
        if paused := [name for name in reversed(names) if states.get(name) == "paused"]:
            self.podman.run("unpause", *paused, doing="letting the containers go on")
        marker.unlink(missing_ok=True)
        self.podman.wait(paused, self.spec.timeout_s)

    def _export_running(self, exports: Exports) -> None:
        database = self.spec.database
        stores = {self.spec.redis} | ({database.service} if database else set())
        writers = [p.container for p in self.spec.parts if p.volumes and p.name not in stores]
        states = self.podman.states(self.containers)
        if wrong := [n for n in self.containers if states.get(n) != "running"]:
            found = ", ".join(f"{name} ({states.get(name, 'absent')})" for name in wrong)
            raise Failed(f"not running: {found}. Run deploy.py, then this again.")
        tell(f"pausing {', '.join(writers)}")
        self._pause(writers)
        redis = self.part(self.spec.redis)
        tell("waiting for Redis to save")
        self.podman.run("exec", redis.container, "sh", "-c", SAVE, doing="saving Redis")
        self._pause([redis.container])
        for part in self.spec.parts:
            if database and part.name == database.service:
                tell(f"dumping the database {database.name}")
                self._dump(part, database, exports)
                continue
            for volume, owner in part.volumes.items():
                if any(member.of == volume for member in exports.members):
                    continue  # one volume of two services
                tell(f"exporting {volume}")
                exports.volume(self.podman, volume, owner)

    def _dump(self, part: Part, database: Database, exports: Exports) -> None:
        name = "database.dump"
        self.podman.output_to(
            exports.directory / name, "exec", part.container,
            # Through the container's own socket, where the image trusts its user; a paused
            # service may hold a lock, which must not hold this for ever.
            "pg_dump", "--format=custom", "--no-password", "--lock-wait-timeout=60s",
            f"--username={database.user}", f"--dbname={database.name}",
            doing="pg_dump",
        )
        exports.add(name, archive.DATABASE, database.service)
