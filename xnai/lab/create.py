"""Making a machine: what is checked first, what is copied, what is written."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from xnai.lab import access, checks, deps, disk, image, paths, process, snapshots
from xnai.lab.backends.base import IDENTITY, Backend
from xnai.lab.backends.choose import choose
from xnai.lab.backends.uml import MEMORY_DIR
from xnai.lab.errors import LabError
from xnai.lab.guest import CONFIG, Machine
from xnai.lab.proc import locked
from xnai.lab.progress import Progress
from xnai.lab.spec import Config, MachineSpec


def make(spec: MachineSpec, progress: Progress) -> Machine:
    """Make a machine without booting it; one that exists is given back as it is.

    Args:
        spec: what it shall be.
        progress: where the steps are told.

    Returns:
        The machine.

    Raises:
        LabError: the host lacks something.
    """
    spec.check()
    directory = paths.machines_dir() / spec.name
    clean_half_made(progress)
    existing = Config.load(directory / CONFIG)
    if existing:
        return _existing(existing, spec, directory, progress)
    backend = choose(spec.backend, progress)
    check_host(spec, backend, progress)
    backend.build(progress, spec.kernel, refresh=False)
    source = _source(spec, backend, progress)
    with locked(paths.machines_dir() / "lock", progress, "a machine in the making"):
        paths.private_dir(directory)
        process.record_self(directory, process.MAKER)
        config = Config(
            name=spec.name,
            release=source.release,
            memory_mib=spec.memory_mib,
            cpus=spec.cpus,
            disk_gib=source.disk_gib or spec.disk_gib,
            backend=backend.name,
            ssh_port=checks.choose_port(_ports()),
            has_kernel=source.has_kernel,
            kernel=spec.kernel,
            base=source.base,
        )
        config.save(directory / f"{CONFIG}.making")
    log = directory / "make.log"
    with progress.step(f"making the disk of {spec.name}"):
        access.make_keys(directory, spec.name)
        access.write_files(config, directory)
        if source.disk:
            disk.copy_sparse(source.disk, directory / config.disk_name, log)
            # A base's is nobody's to write.
            (directory / config.disk_name).chmod(0o600)
        if not config.base:
            disk.grow(directory / config.disk_name, spec.disk_gib, log)
        files = disk.identity_files(directory, config.host_name)
        files += backend.prepare(directory, config, source.directory)
        disk.write_identity(directory / IDENTITY, files)
    (directory / f"{CONFIG}.making").rename(directory / CONFIG)
    return Machine(config, directory)


def _existing(config: Config, spec: MachineSpec, directory: Path, progress: Progress) -> Machine:
    asked = {
        "release": (spec.release, config.release),
        "memory_mib": (spec.memory_mib, config.memory_mib),
        "cpus": (spec.cpus, config.cpus),
        "disk_gib": (spec.disk_gib, config.disk_gib),
        "kernel": (spec.kernel, config.kernel),
        "backend": (config.backend if spec.backend == "auto" else spec.backend, config.backend),
    }
    other = [f"{key} {have}, not {want}" for key, (want, have) in asked.items() if want != have]
    if other or spec.from_snapshot or spec.from_base:
        raise LabError(
            f"there is a machine {spec.name!r} already",
            found="; ".join(other) or "made earlier, not from this snapshot or base",
            todo=f"remove it first (xnai lab down {spec.name}), or choose another name",
        )
    progress.say(f"  {spec.name} exists already")
    return Machine(config, directory)


@dataclass(frozen=True)
class _Source:
    """What a new machine's disk is made of.

    Args:
        disk: the file to copy; None where the machine's own file begins empty, on a base.
        release: Debian's code name.
        has_kernel: whether Debian's kernel is on the disk.
        directory: the folder of the image or snapshot.
        base: as in `Config`.
        disk_gib: the size that goes with the base; 0 where the machine's own counts.
    """

    disk: Path | None
    release: str
    has_kernel: bool
    directory: Path
    base: str = ""
    disk_gib: int = 0


def _source(spec: MachineSpec, backend: Backend, progress: Progress) -> _Source:
    if spec.from_base or spec.from_snapshot:
        found = (
            snapshots.load(spec.from_base) if spec.from_base
            else snapshots.find(str(spec.from_snapshot))
        )
        name = spec.from_snapshot or found.directory.name
        config = found.config
        if backend.needs_kernel_on_disk and not config.has_kernel:
            raise LabError(
                f"{name!r} has no kernel of its own on its disk",
                found=f"taken from a machine of backend {config.backend}",
                needed=f"one that backend {backend.name} can boot",
            )
        if config.base and not backend.copies_on_write:
            raise LabError(
                f"{name!r} records changes of another disk, which backend {backend.name} "
                "cannot read", needed=f"a machine of backend {config.backend}",
            )
        base, own = config.base, found.disk
        if spec.from_base and backend.copies_on_write:
            return _Source(
                None, config.release, config.has_kernel, found.directory, str(own), config.disk_gib
            )
        size_gib = config.disk_gib if base else 0
        return _Source(own, config.release, config.has_kernel, found.directory, base, size_gib)
    with_kernel = backend.needs_kernel_on_disk
    built = image.ensure(spec.release, progress, with_kernel=with_kernel)
    return _Source(built.disk, spec.release, with_kernel, built.directory)


def _ports() -> list[int]:
    files = [*paths.machines_dir().glob(f"*/{CONFIG}"), *paths.machines_dir().glob("*/*.making")]
    return [config.ssh_port for path in files if (config := Config.load(path))]


def check_host(spec: MachineSpec, backend: Backend, progress: Progress) -> None:
    """Refuse, before anything is started, what the host cannot do.

    Args:
        spec: the machine wanted.
        backend: the backend chosen.
        progress: where remarks are told.

    Raises:
        LabError: with what is missing.
    """
    deps.require(backend)
    meminfo = Path("/proc/meminfo").read_text()
    shm = checks.free_mib(MEMORY_DIR) if backend.name == "uml" else None
    checks.memory(spec.memory_mib, checks.meminfo_mib(meminfo, "MemAvailable"), shm)
    for where in (paths.state_dir(), paths.cache_dir()):
        checks.disk(checks.free_mib(where), checks.DISK_MIB, where)
    if backend.name == "uml":
        note = checks.map_count_note(int(checks.MAP_COUNT.read_text()))
        if note:
            progress.say(f"  {note}")


def clean_half_made(progress: Progress) -> None:
    """Remove what aborted runs left: folders of machines that were never finished.

    Args:
        progress: where it is told.
    """
    root = paths.machines_dir()
    with locked(root / "lock", progress, "a machine in the making"):
        for directory in [path for path in root.iterdir() if path.is_dir()]:
            if not (directory / CONFIG).exists() and _abandoned(directory):
                process.kill_all(directory)
                shutil.rmtree(directory)
                progress.say(f"  removed {directory.name}, which an aborted run left half made")


def _abandoned(directory: Path) -> bool:
    maker = process.recorded(directory, process.MAKER)
    return maker is None or not maker.alive()
