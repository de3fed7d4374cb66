"""Copying data before their image changes."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterable

from xnai.programs.backup import versions
from xnai.programs.backup.ending import Ended, ignore_signals
from xnai.programs.backup.exports import Exports, used
from xnai.programs.backup.podman import Made
from xnai.programs.backup.process import Failed, tell
from xnai.programs.backup.redis import SAVE
from xnai.programs.backup.run import STOP_TIMEOUT_S
from xnai.programs.backup.spec import Part
from xnai.programs.rollback import majors
from xnai.programs.rollback import record as records
from xnai.programs.rollback.back import Back
from xnai.programs.rollback.record import DataCopy, UpgradeRecord

# Copies of one service that stay; older ones are removed when another one is made.
KEPT = 3
_OTHERS_STOP_TIMEOUT_S = 30
_KILLED = 128 + 9
_UP = ("running", "paused")
_ABSENT = Made("", "", "")


class Keep(Back):
    """Copies data before an upgrade, and resumes what an interrupted one left."""

    def keep(self) -> None:
        """Copy the data of the services named, their containers stopped; nothing is removed.

        Raises:
            Failed: there is no copy; what was stopped is started again.
        """
        record = records.read(self.path)
        self._finish(record)
        chosen = [
            self.parts[name] for name in self.spec.services
            if name not in record.copies and self._bytes([self.parts[name]])
        ]
        self._require_major([self.parts[name] for name in self.spec.services])
        self._require_space(chosen)
        stopped: list[str] = []
        if chosen:
            try:
                self._copy(chosen, record, stopped)
            except BaseException as error:
                ignore_signals()
                self._again(stopped, error)
                raise
        if record.copies:
            # Containers that left the stack come last: they depended on the remaining ones.
            names = dict.fromkeys((*record.containers, *self.spec.anew))
            record.containers = [
                *(n for n in self.run.containers if n in names),
                *(n for n in names if n not in self.run.containers),
            ]
            records.save(self.path, record)
        for part in chosen:
            self._remove_old(part.name)

    def _copy(self, chosen: list[Part], record: UpgradeRecord, stopped: list[str]) -> None:
        names = [part.container for part in chosen]
        states = self.podman.states(self.run.containers)
        # Their containers and every other writer; all of them are recreated.
        up = [n for n in self.spec.anew if states.get(n) in _UP]
        # A crash-looping container may be restarted until it is stopped.
        may_start = [n for n in self.spec.anew if states.get(n) not in (None, "created", *_UP)]
        if paused := [name for name in up if states[name] == "paused"]:
            self.podman.run("unpause", *paused, doing="letting the containers go on")
        made = self.podman.made([name for name in names if name in states])
        images = {part.name: made.get(part.container, _ABSENT).reference for part in chosen}
        # The archive names the images that wrote the data, not the wanted ones.
        self.run.spec = dataclasses.replace(self.run.spec, parts=tuple(
            dataclasses.replace(part, image=images.get(part.name, part.image))
            for part in self.run.spec.parts
        ))
        versions_ = self._versions()
        stopped += up
        others = [name for name in up if name not in names]
        self._stop([*may_start, *others], _OTHERS_STOP_TIMEOUT_S)
        redis = next((p for p in chosen if p.name == self.run.spec.redis), None)
        if redis and redis.container in up:
            tell("waiting for Redis to save")
            try:
                self.podman.run("exec", redis.container, "sh", "-c", SAVE, doing="saving Redis")
            except Failed as failed:
                raise Failed(
                    f"{failed}\nWhere it cannot save any more, stop it (sudo xnai-podman stop "
                    f"{redis.container}), then run this again: what is on the disk is then copied"
                ) from None
        mine = [name for name in up if name in names]
        self._stop(mine, STOP_TIMEOUT_S)
        self._require_ended(mine)
        for part in chosen:
            exports = Exports(self.run.work / part.name)
            for volume, owner in part.volumes.items():
                tell(f"copying {volume}")
                exports.volume(self.podman, volume, owner)
            path = self.run.pack(exports, f"-before-upgrade-{part.name}", versions_)
            shutil.rmtree(exports.directory)
            tell(f"the data of {part.name}, to go back to:")
            self.run.told(path)
            one = made.get(part.container, _ABSENT)
            record.copies[part.name] = DataCopy(
                str(path), one.container, one.image, one.reference
            )

    def _versions(self) -> dict[str, str]:
        try:
            return self.run.versions()
        except Ended:
            raise
        except Failed:
            return {}  # a service that does not answer may be why its image changes

    def _require_ended(self, containers: list[str]) -> None:
        if not containers:
            return
        said = self.podman.run(
            "container", "inspect", "--format", "{{.Name}} {{.State.ExitCode}}", *containers,
            doing="asking how the containers ended",
        )
        killed = [n for n, code in map(str.split, said.splitlines()) if int(code) == _KILLED]
        if killed:
            raise Failed(
                f"{', '.join(killed)} did not end within {STOP_TIMEOUT_S} s and was killed, so "
                "its last data may not be on the disk; its log says why (sudo xnai-podman logs "
                f"{killed[0]})"
            )

    def _again(self, stopped: list[str], error: BaseException) -> None:
        """Let run what was stopped, and say so where the error is ours."""
        came_of_it = "Nothing was removed or replaced."
        if stopped:
            try:
                self.run.start(stopped)
                came_of_it += f" Started again and healthy: {', '.join(stopped)}."
            except Failed as failed:
                came_of_it += f" Starting again failed as well: {failed}"
        if isinstance(error, Failed):
            raise Failed(f"{error}\n{came_of_it}") from error

    def _bytes(self, parts: Iterable[Part]) -> int:
        return sum(used(self.podman.place(v)) for part in parts for v in part.volumes)

    def _require_space(self, parts: list[Part]) -> None:
        if not parts:
            return
        size = self._bytes(parts)
        names = ", ".join(part.name for part in parts)
        store = self.podman.place(next(iter(parts[0].volumes))).parent
        needed = 2 * size
        if store.stat().st_dev == self.run.directory.stat().st_dev:
            needed += size
        else:
            self.run.require_space(store, size, f"to go back to the data of {names}")
        # Going back needs room too, and must not find out too late.
        self.run.require_space(
            self.run.directory, needed, f"to copy the data of {names} and to go back to them"
        )

    def _require_major(self, parts: list[Part]) -> None:
        database = self.run.spec.database
        part = next((p for p in parts if database and p.name == database.service), None)
        if part is None:
            return
        volume = next(iter(part.volumes))
        try:
            wrote = self.podman.read_file(self.podman.place(volume) / "PG_VERSION").strip()
        except Ended:
            raise
        except Failed:
            return  # not initialised, or somewhere else in the volume
        said = self.podman.run(
            "run", "--rm", "--pull=never", "--network=none", "--read-only",
            "--entrypoint=postgres", part.image, "--version",
            doing=f"asking {part.image} for its version",
        )
        there = self.podman.states([part.container])
        made = self.podman.made(list(there)).get(part.container)
        before = made.reference if made else f"docker.io/library/postgres:{wrote}"
        dependents = [p.container for p in self.run.spec.parts if part.container in p.depends_on]
        if refused := majors.refusal(
            part.name, wrote.partition(".")[0], versions.version(said).partition(".")[0],
            before, part.image, [*dependents, part.container], volume,
        ):
            raise Failed(refused)

    def _remove_old(self, name: str) -> None:
        pattern = f"{self.spec.backup.stack}-*-before-upgrade-{name}.tar"
        for old in sorted(self.run.directory.glob(pattern))[:-KEPT]:
            tell(f"removing {old}: {KEPT} newer copies of {name} are there")
            old.unlink()
