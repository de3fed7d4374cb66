"""What a backup, a restore and a copy before an upgrade have in common."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from xnai.programs.backup import archive
from xnai.programs.backup import versions as backup_versions
from xnai.programs.backup.encryption import encrypting
from xnai.programs.backup.exports import Exports, free_stamp
from xnai.programs.backup.podman import Podman
from xnai.programs.backup.process import Failed, tell
from xnai.programs.backup.safe_path import require_safe_directory, require_secret_file
from xnai.programs.backup.spec import BackupSpec, Part
from xnai.programs.backup.unfinished import Mark
from xnai.programs.backup.whole_file import sync

_WORK = ".work"
# Names the containers that this run has paused.
PAUSED = "paused"
# Marks that secrets were restored: the caller must recreate the containers.
CHANGED = ".secrets-changed"
_SPARE_BYTES = 64 << 20
STOP_TIMEOUT_S = 120


class Run:
    """One run of a program on the host, and what it is told."""

    def __init__(self, spec: BackupSpec) -> None:
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

    def prepare(self) -> None:
        """Check that it is safe to begin, and clean up after an interrupted run.

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
        marker = self.work / PAUSED
        if marker.is_file():
            states = self.podman.states(self.containers)
            left = [n for n in marker.read_text().split() if states.get(n) == "paused"]
            if left:
                tell(f"an earlier run was ended while {', '.join(left)} were paused: they go on")
                self.podman.run("unpause", *left, doing="letting the containers go on")
        shutil.rmtree(self.work, ignore_errors=True)
        # There if a restore finished and its caller did not.
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
            # First what Python still holds: fsync(2) knows of the kernel's part alone.
            file.flush()
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

    def part(self, name: str) -> Part:
        """Return the service of that name."""
        return next(part for part in self.spec.parts if part.name == name)

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
