"""Putting the last healthy generation's data back in place."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from xnai.programs.backup import archive
from xnai.programs.backup.exports import free_stamp
from xnai.programs.backup.process import Failed, tell
from xnai.programs.backup.run import STOP_TIMEOUT_S, Run
from xnai.programs.rollback import record as records
from xnai.programs.rollback.record import DataCopy, UpgradeRecord
from xnai.programs.rollback.spec import RollbackSpec


class Back:
    """Rolls data back, or resumes an interrupted rollback."""

    def __init__(self, spec: RollbackSpec) -> None:
        self.spec = spec
        self.run = Run(spec.backup)
        self.podman = self.run.podman
        self.path = Path(spec.record)
        self.parts = {part.name: part for part in spec.backup.parts}

    def back(self) -> None:
        """Restore the last healthy generation's data and image tags.

        The caller then recreates its containers.

        Raises:
            Failed: something is not restored; the copies remain, and the next run resumes.
        """
        record = records.read(self.path)
        self._put_back(record)
        for name, copy in record.copies.items():
            # A name that was pulled again meanwhile means the image before again.
            if copy.image and "@" not in copy.reference and (
                self.podman.image_id(copy.reference) != copy.image
            ):
                tell(f"{copy.reference} names the image again that {name} ran on")
                self.podman.run(
                    "tag", copy.image, copy.reference, doing=f"naming {copy.reference}"
                )
        self.path.unlink(missing_ok=True)

    def _finish(self, record: UpgradeRecord) -> None:
        """Resume an interrupted rollback before a new upgrade begins."""
        present = self.podman.states([
            self.parts[name].container for name in record.copies if name in self.parts
        ])
        ids = {one.container for one in self.podman.made(list(present)).values()}
        for name, copy in list(record.copies.items()):
            # The killed run had not come to removing it: what it has written since counts.
            if copy.container in ids and not copy.moving:
                tell(
                    f"an earlier run was interrupted before {name} was replaced: its data are "
                    "copied again"
                )
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
            why = "while it restored data" if began else "with another image than this one"
            tell(f"an earlier run was interrupted {why}: the earlier data are restored first")
            self._put_back(record)
            for copy in record.copies.values():
                copy.moving = {}
            records.save(self.path, record)
        else:
            tell("an earlier run was interrupted: its copies are kept for a rollback")

    def _put_back(self, record: UpgradeRecord) -> None:
        for name, copy in record.copies.items():
            directory = self.run.work / f"back-{name}"
            directory.mkdir(mode=0o700)
            try:
                manifest = archive.read(Path(copy.archive), directory)
            except (OSError, archive.DamagedArchive) as error:
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
        self, record: UpgradeRecord, copy: DataCopy, member: archive.Member, files: Path
    ) -> None:
        """Move a volume's present content to a new volume, and put the copy in its place.

        The copy is unpacked beside it first, then two renames follow: after an interruption the
        state on the disk shows which step is next, and both contents are there as a whole.
        """
        place = self.podman.place(member.of)
        spare = place.with_name("xnai-restored")
        if member.of not in copy.moving:
            def name(stamp: str) -> str:
                return f"{member.of}_failed_{stamp}"

            volumes = place.parent.parent
            stamp = free_stamp(lambda stamp: os.path.lexists(volumes / name(stamp)))
            copy.moving[member.of] = (name(stamp), place.lstat().st_ino)
            records.save(self.path, record)
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

    def _stop(self, containers: Iterable[str], timeout_s: int) -> None:
        # Who depends on another first, and each for itself: Podman stops several at once.
        for name in reversed(list(containers)):
            tell(f"stopping {name}")
            self.podman.run("stop", "--time", str(timeout_s), name, doing=f"stopping {name}")
