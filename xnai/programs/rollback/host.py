"""The program that copies data before their image changes, and puts them back; root runs it.

`keep` comes before the containers are removed, `back` when the new ones were. In between and
until the new generation is healthy, the record beside the last healthy one's files says which
copies are that generation's data; where the new one is kept, the record goes with the old files.
A run that is killed anywhere leaves the record, and the next one goes on from there.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xnai.programs.backup import archive, versions
from xnai.programs.backup.ending import Ended, fail_on_signals, ignore_signals, report
from xnai.programs.backup.host import SAVE, STOP_TIMEOUT_S, Exports, Run, free_stamp, used
from xnai.programs.backup.podman import Failed, Made, tell
from xnai.programs.backup.spec import Part
from xnai.programs.backup.whole_file import write
from xnai.programs.rollback import majors
from xnai.programs.rollback.spec import Spec

# Copies of one service that stay; older ones are removed when another one is made.
KEPT = 3
_OTHERS_STOP_TIMEOUT_S = 30
_KILLED = 128 + 9
_UP = ("running", "paused")
_ABSENT = Made("", "", "")


@dataclass
class Copy:
    """One service's data, as the last healthy generation has left them.

    Attributes:
        archive: path of the copy.
        container: ID of the container that wrote them, or empty where there was none.
        image: ID of its image, or empty.
        reference: the image's name, or empty.
        moving: volume -> the name that its present content gets, and the inode of the directory
            that has it; only while they are put back.
    """

    archive: str
    container: str
    image: str
    reference: str
    moving: dict[str, tuple[str, int]] = field(default_factory=dict)


@dataclass
class Record:
    """What has begun and is neither healthy nor put back.

    Attributes:
        containers: those that were to be made anew since, in dependency order.
        copies: service -> its data.
    """

    containers: list[str]
    copies: dict[str, Copy]


class Rollback:
    """One run, with what it needs to know."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.run = Run(spec.backup)
        self.podman = self.run.podman
        self.path = Path(spec.record)
        self.parts = {part.name: part for part in spec.backup.parts}

    # --- the record ---------------------------------------------------------------------------

    def read(self) -> Record:
        """Return the record, an empty one where there is none."""
        try:
            found: dict[str, Any] = json.loads(self.path.read_text())
        except FileNotFoundError:
            return Record([], {})
        copies = {
            name: Copy(**(copy | {"moving": {v: tuple(m) for v, m in copy["moving"].items()}}))
            for name, copy in found["copies"].items()
        }
        return Record(found["containers"], copies)

    def write(self, record: Record) -> None:
        """Write the record, where there is a generation that it can be of."""
        if self.path.parent.is_dir():
            write(self.path, json.dumps(dataclasses.asdict(record), indent=1) + "\n")

    # --- before -------------------------------------------------------------------------------

    def keep(self) -> None:
        """Copy the data of the services named, their containers stopped; nothing is removed.

        Raises:
            Failed: there is no copy; what was stopped is started again.
        """
        record = self.read()
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
            # Those that the stack has no more depended on what it has.
            names = dict.fromkeys((*record.containers, *self.spec.anew))
            record.containers = [
                *(n for n in self.run.containers if n in names),
                *(n for n in names if n not in self.run.containers),
            ]
            self.write(record)
        for part in chosen:
            self._remove_old(part.name)

    def _copy(self, chosen: list[Part], record: Record, stopped: list[str]) -> None:
        names = [part.container for part in chosen]
        states = self.podman.states(self.run.containers)
        # Theirs, and whoever would write meanwhile; all of them are made anew.
        up = [n for n in self.spec.anew if states.get(n) in _UP]
        # One that ends again and again is started again and again until it is stopped.
        may_start = [n for n in self.spec.anew if states.get(n) not in (None, "created", *_UP)]
        if paused := [name for name in up if states[name] == "paused"]:
            self.podman.run("unpause", *paused, doing="letting the containers go on")
        made = self.podman.made([name for name in names if name in states])
        images = {part.name: made.get(part.container, _ABSENT).reference for part in chosen}
        # Of an archive's images and versions those count that wrote the data.
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
            record.copies[part.name] = Copy(
                str(path), one.container, one.image, one.reference
            )

    def _versions(self) -> dict[str, str]:
        try:
            return self.run.versions()
        except Ended:
            raise
        except Failed:
            return {}  # a service that does not answer may be why its image changes

    def _stop(self, containers: Iterable[str], timeout_s: int) -> None:
        # Who depends on another first, and each for itself: Podman stops several at once.
        for name in reversed(list(containers)):
            tell(f"stopping {name}")
            self.podman.run("stop", "--time", str(timeout_s), name, doing=f"stopping {name}")

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

    # --- after --------------------------------------------------------------------------------

    def back(self) -> None:
        """Put the last healthy generation's data and images in place; its containers are next.

        Raises:
            Failed: some are not; the copies stay, and the next run begins here.
        """
        record = self.read()
        self._put_back(record)
        for name, copy in record.copies.items():
            # A name that was pulled anew meanwhile means the image before again.
            if copy.image and "@" not in copy.reference and (
                self.podman.image_id(copy.reference) != copy.image
            ):
                tell(f"{copy.reference} is again the image that {name} ran on")
                self.podman.run(
                    "tag", copy.image, copy.reference, doing=f"naming {copy.reference}"
                )
        self.path.unlink(missing_ok=True)

    def _finish(self, record: Record) -> None:
        """End what a killed run has begun, where its data must not stay as they are."""
        present = self.podman.states([
            self.parts[name].container for name in record.copies if name in self.parts
        ])
        ids = {one.container for one in self.podman.made(list(present)).values()}
        for name, copy in list(record.copies.items()):
            # The killed run had not come to removing it: what it has written since counts.
            if copy.container in ids and not copy.moving:
                tell(f"an earlier run was ended before {name} was replaced: it is copied anew")
                del record.copies[name]
        if not record.copies:
            self.path.unlink(missing_ok=True)
            return
        began = any(copy.moving for copy in record.copies.values())
        again = all(
            copy.image and name in self.parts
            and self.podman.image_id(self.parts[name].image) == copy.image
            for name, copy in record.copies.items()
        )
        if began or again:
            why = "while it put data back" if began else "with another image than this one"
            tell(f"an earlier run was ended {why}: the data from before are put in place first")
            self._put_back(record)
            for copy in record.copies.values():
                copy.moving = {}
            self.write(record)
        else:
            tell("an earlier run was not finished: its copies are kept, to go back to")

    def _put_back(self, record: Record) -> None:
        for name, copy in record.copies.items():
            directory = self.run.work / f"back-{name}"
            directory.mkdir(mode=0o700)
            try:
                manifest = archive.read(Path(copy.archive), directory)
            except (OSError, archive.Damaged) as error:
                raise Failed(f"{copy.archive}: {error}. The present data stay") from None
            members = [member for member in manifest.members if member.kind == archive.VOLUME]
            self.podman.find([member.of for member in members])
            store = self.podman.place(members[0].of).parent
            free, needed = shutil.disk_usage(store).free, archive.total(members)
            if free < needed:
                raise Failed(
                    f"{store}: {free >> 20} MiB are free, {needed >> 20} MiB are needed to put "
                    f"{copy.archive} in place: make room there, then run the deploy again. The "
                    "present data stay"
                )
            running = self.podman.states(self.run.containers)
            users = self.podman.users([member.of for member in members])
            self._stop([n for n in running if n in users and running[n] == "running"],
                       STOP_TIMEOUT_S)
            for member in members:
                self._put_back_volume(record, copy, member, directory)
            shutil.rmtree(directory)
            tell(f"the data of {name} are those of {copy.archive}")

    def _put_back_volume(
        self, record: Record, copy: Copy, member: archive.Member, files: Path
    ) -> None:
        """Give a volume's present content to a new volume, and the copy's content to its name.

        The copy is unpacked beside it first, then two directories are renamed: whenever this is
        cut off, what was done is told from what is there, and each content is there as a whole.
        """
        place = self.podman.place(member.of)
        spare = place.with_name("xnai-restored")
        if member.of not in copy.moving:
            def name(stamp: str) -> str:
                return f"{member.of}_failed_{stamp}"

            volumes = place.parent.parent
            stamp = free_stamp(lambda stamp: os.path.lexists(volumes / name(stamp)))
            copy.moving[member.of] = (name(stamp), place.lstat().st_ino)
            self.write(record)
        kept, inode = copy.moving[member.of]
        owner = next(
            (p.volumes[member.of] for p in self.parts.values() if member.of in p.volumes),
            member.owner,
        )
        self.podman.make_volume(self.spec.backup.stack, kept, owner)
        self.podman.find([kept])
        if os.path.lexists(place) and place.lstat().st_ino == inode:
            tell(f"unpacking {member.of}")
            self.podman.unpack(spare, files / Path(member.name).name, owner, member.owner)
            self.podman.rename(place, self.podman.place(kept))
        if not os.path.lexists(place):
            self.podman.rename(spare, place)
        tell(
            f"kept: what the failed generation left in {member.of} is the volume {kept}. Look: "
            f"sudo xnai-podman unshare ls -la {self.podman.place(kept)}; remove it: sudo "
            f"xnai-podman volume rm {kept}"
        )


def main(spec: Spec, action: str) -> int:
    """Do what was asked for; return the exit code."""
    os.umask(0o077)
    fail_on_signals()
    one = Rollback(spec)
    actions: dict[str, Callable[[], None]] = {"keep": one.keep, "back": one.back}
    try:
        one.run.prepare()
        try:
            actions[action]()
        finally:
            shutil.rmtree(one.run.work, ignore_errors=True)
    except Failed as failed:
        report(failed)
        return 1
    return 0
