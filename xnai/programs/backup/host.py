"""The program that makes a backup on the host, and restores one; root runs it there.

A program and not a line of shell: whatever goes wrong on the way, what was paused or stopped is
started again, also when the one who started it is gone.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from xnai.programs.backup import archive
from xnai.programs.backup import versions as backup_versions
from xnai.programs.backup.encryption import decrypting, encrypting
from xnai.programs.backup.ending import fail_on_signals, report
from xnai.programs.backup.podman import DATA_LIMIT_S, LIMIT_S, Failed, Podman, run, tell
from xnai.programs.backup.role import set_password
from xnai.programs.backup.safe_path import require_safe_directory, require_secret_file
from xnai.programs.backup.spec import Database, Part, Spec
from xnai.programs.backup.unfinished import Mark
from xnai.programs.backup.whole_file import sync

_WORK = ".work"
_PAUSED = "paused"
# Left by a restore whose containers must be made anew, for whoever started it.
CHANGED = ".secrets-changed"
_SPARE_BYTES = 64 << 20
_SAVE_TIMEOUT_S = 600
STOP_TIMEOUT_S = 120

# Inside Redis' container. LASTSAVE counts whole seconds: the save must be in a later one.
SAVE = """
export REDISCLI_AUTH="$(cat /run/secrets/redis_password)"
info() { redis-cli info persistence | tr -d '\\r' | grep -q "^$1\\$"; }
end=$(($(date +%s) + @TIMEOUT@))
until info rdb_bgsave_in_progress:0; do
    [ "$(date +%s)" -lt $end ] || exit 3
    sleep 0.2
done
before=$(redis-cli lastsave)
while [ "$(redis-cli time | head -n 1)" = "$before" ]; do sleep 0.2; done
redis-cli bgsave >/dev/null
until info rdb_bgsave_in_progress:0 && [ "$(redis-cli lastsave)" != "$before" ]; do
    if info rdb_last_bgsave_status:err; then
        echo "rdb_last_bgsave_status is err: the log of Redis says why" >&2
        exit 1
    fi
    if [ "$(date +%s)" -ge $end ]; then
        echo "no save within @TIMEOUT@ s" >&2
        exit 1
    fi
    sleep 0.2
done
info rdb_last_bgsave_status:ok
""".replace("@TIMEOUT@", str(_SAVE_TIMEOUT_S))


def free_stamp(is_taken: Callable[[str], bool]) -> str:
    """Return this second in UTC, or the next one whose name nobody has used."""
    while is_taken(stamp := time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())):
        time.sleep(0.1)
    return stamp


class Exports:
    """Members that lie as files in a directory, and secrets that are in memory alone."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700)
        self.directory = directory
        self.members: list[archive.Member] = []
        self.contents: dict[str, Path | bytes] = {}

    def add(self, name: str, kind: str, of: str, unpacked: int = 0, owner: str = "") -> None:
        path = self.directory / Path(name).name
        size = path.stat().st_size
        self.members.append(
            archive.Member(
                name, kind, of, size, archive.digest(path), unpacked or size, owner
            )
        )
        self.contents[name] = path

    def volume(self, podman: Podman, volume: str, owner: str) -> None:
        name = f"volumes/{volume}.tar.gz"
        unpacked = podman.export(volume, self.directory / Path(name).name)
        self.add(name, archive.VOLUME, volume, unpacked, owner)

    def secrets(self, values: dict[str, str]) -> None:
        content = archive.secrets_text(values)
        self.members.append(archive.secrets_member(content))
        self.contents[archive.SECRETS_FILE] = content


class Run:
    """One run, with what it needs to know."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.podman = Podman(
            spec.podman, {part.container: part.ready_url for part in spec.parts if part.ready_url}
        )
        self.directory = Path(spec.directory)
        self.work = self.directory / _WORK
        self.mark = Mark(Path(spec.unfinished))
        self.containers_are_older = False
        self.volumes = {v: owner for part in spec.parts for v, owner in part.volumes.items()}
        self.containers = [part.container for part in spec.parts]
        # Those that have data; the others may run on.
        self.holders = [part.container for part in spec.parts if part.volumes]

    # --- both ---------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Look whether all is safe to begin, and remove what a killed run left.

        Raises:
            Failed: it is not.
        """
        require_safe_directory(self.directory, "backup_dir")
        for setting, path in (
            ("backup_passphrase_file", self.spec.passphrase_file),
            ("restore_age_identity_file", self.spec.identity_file),
        ):
            if path:
                require_secret_file(Path(path), setting)
        self.podman.find(list(self.volumes))
        marker = self.work / _PAUSED
        if marker.is_file():
            states = self.podman.states(self.containers)
            left = [n for n in marker.read_text().split() if states.get(n) == "paused"]
            if left:
                tell(f"an earlier run was ended while {', '.join(left)} were paused: they go on")
                self.podman.run("unpause", *left, doing="letting the containers go on")
        shutil.rmtree(self.work, ignore_errors=True)
        # Left where an earlier restore had come to its end, and whoever started it had not.
        self.containers_are_older = (self.directory / CHANGED).exists()
        self.work.mkdir(mode=0o700)

    def versions(self) -> dict[str, str]:
        """Return the versions of the programs that read the data."""
        found = {}
        states = self.podman.states(self.containers)
        programs = {self.spec.redis: "redis-server"}
        if self.spec.database:
            programs[self.spec.database.service] = "postgres"
        for part in self.spec.parts:
            if not part.image:
                continue  # nobody knows what it ran
            if part.name in programs:
                program = programs[part.name]
                words = ["exec", part.container, program]
                if states.get(part.container) != "running":
                    words = ["run", "--rm", "--pull=never", "--network=none", "--read-only",
                             f"--entrypoint={program}", part.image]
                said = self.podman.run(
                    *words, "--version", doing=f"asking {part.image} for its version"
                )
                found[part.name] = backup_versions.version(said)
            elif part.tag_is_version:
                found[part.name] = backup_versions.of_reference(part.image)
        return found

    def secret_values(self) -> dict[str, str]:
        """Return those of the stack's secrets that exist."""
        return self.podman.secrets(self.spec.secrets)

    @property
    def encrypts(self) -> bool:
        """Whether archives are encrypted, and so may hold secrets."""
        return bool(self.spec.recipient or self.spec.passphrase_file)

    def pack(self, exports: Exports, suffix: str, versions: dict[str, str]) -> Path:
        """Write the archive of what was exported, under its name only when it is whole."""
        now = time.gmtime()
        manifest = archive.Manifest(
            stack=self.spec.stack,
            host=socket.gethostname(),
            time=time.strftime("%Y-%m-%dT%H:%M:%SZ", now),
            images={part.name: part.image for part in self.spec.parts},
            versions=versions,
            members=tuple(exports.members),
        )
        ending = ".tar.age" if self.spec.recipient else ".tar.gpg" if self.encrypts else ".tar"
        final = self._free_name(suffix + ending)
        new = self.work / final.name
        with new.open("xb") as file:
            words = encrypting(self.spec, self.work)
            if not words:
                archive.write(file, manifest, exports.contents)
            else:
                self._encrypted(words, file.fileno(), manifest, exports)
            os.fsync(file.fileno())
        new.rename(final)
        sync(self.directory)
        return final

    def _free_name(self, ending: str) -> Path:
        """A name of this second, or of the next one that nobody has used."""
        def named(stamp: str) -> Path:
            return self.directory / f"{self.spec.stack}-{stamp}{ending}"

        return named(free_stamp(lambda stamp: named(stamp).exists()))

    def _encrypted(
        self, words: list[str], file: int, manifest: archive.Manifest, exports: Exports
    ) -> None:
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=file) as child:
            assert child.stdin is not None  # noqa: S101  (it was asked for)
            with suppress(BrokenPipeError):  # it ended; its exit code says so
                archive.write(child.stdin, manifest, exports.contents)  # type: ignore[arg-type]
                child.stdin.close()
            if child.wait():
                raise Failed(f"{words[0]} could not encrypt: exit code {child.returncode}")

    def told(self, path: Path) -> None:
        """Say where an archive is, what it is, and how to copy it."""
        size = path.stat().st_size
        tell(f"{path}")
        tell(f"  {size} bytes, sha256 {archive.digest(path)}")
        tell(f"  copy it: {self.spec.copy.format(path=path, name=path.name)}")

    def require_space(self, directory: Path, needed: int, what_for: str) -> None:
        """Refuse where a file system has too little room."""
        free = shutil.disk_usage(directory).free
        needed += _SPARE_BYTES
        if free < needed:
            raise Failed(
                f"{directory}: {free >> 20} MiB are free, {needed >> 20} MiB are needed "
                f"{what_for}. Make room there, or let backup_dir be on a larger disk. Nothing was "
                "changed."
            )

    # --- make ---------------------------------------------------------------------------------

    def make(self) -> None:
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
        marker = self.work / _PAUSED
        before = marker.read_text() if marker.exists() else ""
        # First written, then done: what is in it and not paused does no harm.
        marker.write_text(f"{before} {' '.join(containers)}")
        sync(marker)
        self.podman.run("pause", *containers, doing=f"pausing {', '.join(containers)}")

    def _let_go_on(self) -> None:
        """Let all that this run paused go on, whatever became of the rest, and get healthy."""
        marker = self.work / _PAUSED
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
        redis = self._part(self.spec.redis)
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

    def _part(self, name: str) -> Part:
        return next(part for part in self.spec.parts if part.name == name)

    # --- restore ------------------------------------------------------------------------------

    def restore(self) -> None:
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
        except archive.Damaged as damaged:
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
        by_database = {v for v in self._part(database.service).volumes} if database else set()
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
        part = self._part(database.service)
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
        part = self._part(database.service)
        if self.podman.states([part.container]).get(part.container) != "running":
            self._start_database(part)
        set_password(self.podman, part.container, database)

    def _stop(self) -> None:
        self.podman.run(
            "stop", "--time", str(STOP_TIMEOUT_S), *reversed(self.holders),
            doing=f"stopping {', '.join(self.holders)}",
            limit_s=LIMIT_S + STOP_TIMEOUT_S * len(self.holders),
        )

    def start(self, containers: Sequence[str] | None = None) -> None:
        """Start services, each when those that it depends on are healthy.

        Args:
            containers: theirs; by default all of the stack.
        """
        chosen = set(self.containers if containers is None else containers)
        tell(f"starting {'the stack' if containers is None else ', '.join(containers)}")
        states = self.podman.states(self.containers)
        left = [part for part in self.spec.parts if part.container in chosen]
        awaited = {name for part in left for name in part.depends_on}
        healthy = set(self.containers) - chosen
        while left:
            # All that only wait for what is healthy: one call, and they load at the same time.
            ready = [part for part in left if healthy.issuperset(part.depends_on)]
            left = [part for part in left if part not in ready]
            names = [part.container for part in ready]
            if down := [name for name in names if states.get(name) != "running"]:
                self.podman.run("start", *down, doing=f"starting {', '.join(down)}")
            needed = {name for part in left for name in part.depends_on} & set(names)
            self.podman.wait(sorted(needed), self.spec.timeout_s)
            healthy.update(names)
        self.podman.wait(
            [part.container for part in self.spec.parts if part.container in chosen - awaited],
            self.spec.timeout_s,
        )

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


def used(directory: Path) -> int:
    """Return the bytes that the files below a directory take; what vanishes meanwhile is none."""
    found = 0
    for folder, _, files in os.walk(directory):
        for name in files:
            with suppress(OSError):
                status = os.lstat(Path(folder) / name)
                found += max(status.st_size, status.st_blocks * 512)
    return found


def main(spec: Spec) -> int:
    """Do what the specification says; return the exit code."""
    os.umask(0o077)
    fail_on_signals()
    one = Run(spec)
    actions: dict[str, Callable[[], None]] = {"make": one.make, "restore": one.restore}
    try:
        one.prepare()
        try:
            actions[spec.action]()
        finally:
            shutil.rmtree(one.work, ignore_errors=True)
    except Failed as failed:
        report(failed)
        return 1
    return 0
