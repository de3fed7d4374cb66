"""Putting an archive's data in place of the machine's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xnai.programs.backup import archive
from xnai.programs.backup import versions as backup_versions
from xnai.programs.backup.encryption import decrypting
from xnai.programs.backup.exports import Exports, used
from xnai.programs.backup.process import DATA_LIMIT_S, LIMIT_S, Failed, run, tell
from xnai.programs.backup.role import set_password
from xnai.programs.backup.run import CHANGED, STOP_TIMEOUT_S, Run
from xnai.programs.backup.spec import Database, Part
from xnai.programs.backup.whole_file import sync


class Restore(Run):
    """One run that restores an archive."""

    def go(self) -> None:
        """Put an archive's data in place of the machine's."""
        tell(f"verifying {self.spec.restore_from}")
        new = self.work / "new"
        new.mkdir(mode=0o700)
        manifest = self._verified(new)
        versions = self.versions()
        self._require_fit(manifest, versions)
        tell(f"made {manifest.time} on {manifest.host}; whole, and fit for this machine")
        tell(f"stopping {', '.join(self.holders)}")
        old = Exports(self.work / "old")
        old_secrets = self.secret_values()
        secrets = archive.read_secrets(manifest, new)
        changed = {n: v for n, v in secrets.items() if old_secrets.get(n) != v}
        began_to_replace = False
        # What an earlier one has left half done is nothing to go back to, and must not be started.
        earlier = self.mark.read()
        if earlier:
            tell(f"an earlier restore was ended; what was there before it is {earlier.kept}")
        try:
            self._stop()
            for volume, owner in self.volumes.items():
                tell(f"keeping {volume} as it is now")
                old.volume(self.podman, volume, owner)
            kept_members = list(old.members)
            if self.encrypts:
                old.secrets(old_secrets)
            kept = self.pack(old, "-before-restore", versions)
            tell("kept, to go back to:")
            self.told(kept)
            self.mark.set(self.spec.restore_from, earlier.kept if earlier else str(kept))
            began_to_replace = True
            self._replace(manifest.members, new, changed)
            # A container keeps the secrets that it was made with. After a restore that was cut off
            # nobody knows which those are.
            anew = bool(changed) or earlier is not None or self.containers_are_older
            if anew:
                (self.directory / CHANGED).touch(mode=0o600)
                sync(self.directory)
            else:
                self.start()
        except BaseException as error:
            start = earlier is None and not self.containers_are_older
            self._go_back(began_to_replace, kept_members if began_to_replace else [], old, {
                name: old_secrets[name] for name in changed if name in old_secrets
            }, start)
            if earlier is None:
                self.mark.remove()
            if isinstance(error, Failed):
                what = (
                    "the machine has the data that it had before" if start else
                    "the machine has the data that it had before, and the stack is down, since its "
                    "containers may have older secrets: run deploy.py" if earlier is None else
                    "its data are as the earlier restore has left them, and the stack is down"
                )
                raise Failed(f"{error}\nNothing was restored: {what}.") from error
            raise
        self.mark.remove()
        tell(f"restored: {', '.join(member.of or member.kind for member in manifest.members)}")

    def _verified(self, new: Path) -> archive.Manifest:
        source = Path(self.spec.restore_from)
        if not source.is_file():
            raise Failed(
                f"restore_from = {source}: there is no such file on this machine. Copy the "
                "archive there first. Nothing was changed."
            )
        size = source.stat().st_size
        words = decrypting(self.spec, source, self.work)
        self.require_space(
            self.directory, size * (2 if words else 1), "to look at the archive"
        )
        plain = source
        if words:
            plain = self.work / "decrypted.tar"
            with plain.open("xb") as file:
                try:
                    run(words, f"decrypting {source}", stdout=file, limit_s=DATA_LIMIT_S)
                except Failed as failed:
                    raise Failed(
                        f"{failed}\nThe archive is cut short, was altered, or is for another key. "
                        "Take another copy of it, or the right key. Nothing was changed."
                    ) from None
        try:
            manifest = archive.read(plain, new)
        except archive.DamagedArchive as damaged:
            raise Failed(
                f"{source}: {damaged}. Take another copy of it. Nothing was changed."
            ) from None
        if words:
            plain.unlink()
        return manifest

    def _require_fit(
        self, manifest: archive.Manifest, versions: dict[str, str]
    ) -> None:
        wrong = []
        database = self.spec.database.service if self.spec.database else ""
        if manifest.stack != self.spec.stack:
            wrong.append(
                f"it is of the stack {manifest.stack!r}, and this one is {self.spec.stack!r}: "
                f"set stack_name = {manifest.stack!r}, run deploy.py, then this again"
            )
        else:
            known = set(self.volumes) | {database, ""}
            if lacking := sorted({member.of for member in manifest.members} - known):
                wrong.append(
                    f"it has data of {', '.join(lacking)}, and this machine has no such service: "
                    "switch it on in the settings (vikunja = True), run deploy.py, then this again"
                )
        dumped = any(member.kind == archive.DATABASE for member in manifest.members)
        wrong += backup_versions.misfits(manifest.versions, versions, database, dumped)
        if strangers := sorted(self.podman.users(list(self.volumes)) - set(self.containers)):
            wrong.append(
                f"{', '.join(strangers)}, which is none of the stack's, uses one of its volumes: "
                "remove it (xnai-podman rm), then run this again"
            )
        if wrong:
            raise Failed(
                "this archive cannot be restored here; nothing was changed:\n- "
                + "\n- ".join(wrong)
            )
        present = sum(used(self.podman.place(volume)) for volume in self.volumes)
        needed = 2 * present
        store = self.podman.place(next(iter(self.volumes)))
        coming = archive.total(manifest.members)
        if store.stat().st_dev == self.directory.stat().st_dev:
            needed += coming
        else:
            self.require_space(store, coming, "for the data that are restored")
        self.require_space(self.directory, needed, "to keep the present data and restore others")

    def _replace(
        self, members: Sequence[archive.Member], files: Path, secrets: dict[str, str],
        set_password: bool = True,
    ) -> None:
        """Fill the volumes and the database; what has data is stopped, the database starts.

        Args:
            members: of the archive.
            files: where they lie.
            secrets: to be replaced, name -> value.
            set_password: whether the database may be started for its role's password.
        """
        database = self.spec.database
        self.podman.put_secrets(self.spec.stack, secrets)
        by_database = {v for v in self.part(database.service).volumes} if database else set()
        password_needed = False
        for member in members:
            path = files / Path(member.name).name
            if member.kind == archive.VOLUME:
                tell(f"filling {member.of}")
                self.podman.fill(member.of, path, self.volumes[member.of], member.owner)
                password_needed |= member.of in by_database
            elif member.kind == archive.DATABASE and database:
                tell("making the database anew")
                self._load(database, path)
                password_needed = True
        if database and set_password and (password_needed or database.secret in secrets):
            self._set_password(database)

    def _load(self, database: Database, path: Path) -> None:
        part = self.part(database.service)
        for volume, owner in part.volumes.items():
            self.podman.empty(volume, owner)
        self._start_database(part)
        tell(f"restoring the database {database.name}")
        with path.open("rb") as file:
            self.podman.run(
                "exec", "--interactive", part.container,
                "pg_restore", "--exit-on-error", "--single-transaction", "--no-owner",
                "--no-password", f"--username={database.user}", f"--dbname={database.name}",
                doing="pg_restore", stdin=file, limit_s=DATA_LIMIT_S,
            )

    def _start_database(self, part: Part) -> None:
        self.podman.run("start", part.container, doing=f"starting {part.container}")
        self.podman.wait([part.container], self.spec.timeout_s)

    def _set_password(self, database: Database) -> None:
        """The role's password is what the services' secret says, whatever the data say."""
        part = self.part(database.service)
        if self.podman.states([part.container]).get(part.container) != "running":
            self._start_database(part)
        set_password(self.podman, part.container, database)

    def _go_back(
        self, replaced: bool, members: Sequence[archive.Member], old: Exports,
        secrets: dict[str, str], start: bool,
    ) -> None:
        """Let the machine be what it was before the restore."""
        tell("going back to the data that were there")
        try:
            if replaced:
                self._stop()
                self._replace(members, old.directory, secrets, start)
            if start:
                self.start()
        except Failed as failed:
            raise Failed(
                f"going back failed as well: {failed}\nRestore the archive that was kept "
                f"(*-before-restore.* in {self.directory})"
            ) from failed

    def _stop(self) -> None:
        self.podman.run(
            "stop", "--time", str(STOP_TIMEOUT_S), *reversed(self.holders),
            doing=f"stopping {', '.join(self.holders)}",
            limit_s=LIMIT_S + STOP_TIMEOUT_S * len(self.holders),
        )
