"""Making a machine: what is checked first, what is copied, what is written."""

from __future__ import annotations

import shutil
from pathlib import Path

from xnai.lab import access, checks, deps, disk, image, paths, process, snapshots
from xnai.lab.backends.base import Backend
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
    backend.build(progress, refresh=False)
    source, release, has_kernel, image_dir = _source(spec, backend, progress)
    with locked(paths.machines_dir() / "lock", progress, "a machine in the making"):
        paths.private_dir(directory)
        process.record_self(directory, process.MAKER)
        config = Config(
            name=spec.name,
            release=release,
            memory_mib=spec.memory_mib,
            cpus=spec.cpus,
            disk_gib=spec.disk_gib,
            backend=backend.name,
            ssh_port=checks.choose_port(_ports()),
            has_kernel=has_kernel,
        )
        config.save(directory / f"{CONFIG}.making")
    log = directory / "make.log"
    with progress.step(f"making the disk of {spec.name}"):
        access.make_keys(directory, spec.name)
        access.write_files(config, directory)
        disk.copy_sparse(source, directory / "disk.ext4", log)
        disk.grow(directory / "disk.ext4", spec.disk_gib, log)
        files = disk.identity_files(directory, config.host_name)
        files += backend.prepare(directory, config, image_dir)
        disk.inject(directory / "disk.ext4", files, directory / "inject.debugfs", log)
    (directory / f"{CONFIG}.making").rename(directory / CONFIG)
    return Machine(config, directory)


def build(release: str, backend_name: str, progress: Progress, *, refresh: bool) -> None:
    """Bring kernel and image into the cache without making a machine.

    Args:
        release: Debian's code name.
        backend_name: auto, or the backend that they are for.
        progress: where the steps are told.
        refresh: take what is new in Debian by now.

    Raises:
        LabError: the host lacks something, or a build failed.
    """
    backend = choose(backend_name, progress)
    deps.require(backend)
    checks.disk(checks.free_mib(paths.cache_dir()), checks.DISK_MIB, paths.cache_dir())
    backend.build(progress, refresh=refresh)
    image.ensure(release, progress, with_kernel=backend.needs_kernel_on_disk, refresh=refresh)


def _existing(config: Config, spec: MachineSpec, directory: Path, progress: Progress) -> Machine:
    asked = {
        "release": (spec.release, config.release),
        "memory_mib": (spec.memory_mib, config.memory_mib),
        "cpus": (spec.cpus, config.cpus),
        "disk_gib": (spec.disk_gib, config.disk_gib),
        "backend": (config.backend if spec.backend == "auto" else spec.backend, config.backend),
    }
    other = [f"{key} {have}, not {want}" for key, (want, have) in asked.items() if want != have]
    if other or spec.from_snapshot:
        raise LabError(
            f"there is a machine {spec.name!r} already",
            found="; ".join(other) or "made earlier, not from this snapshot",
            todo=f"remove it first (xnai lab down {spec.name}), or choose another name",
        )
    progress.say(f"  {spec.name} exists already")
    return Machine(config, directory)


def _source(
    spec: MachineSpec, backend: Backend, progress: Progress
) -> tuple[Path, str, bool, Path]:
    """The disk to copy, its release, whether it has a kernel, and where that kernel is."""
    if spec.from_snapshot:
        shot = snapshots.find(spec.from_snapshot)
        if backend.needs_kernel_on_disk and not shot.config.has_kernel:
            raise LabError(
                f"snapshot {spec.from_snapshot!r} has no kernel of its own on its disk",
                found=f"taken from a machine of backend {shot.config.backend}",
                needed=f"one that backend {backend.name} can boot",
            )
        return shot.disk, shot.config.release, shot.config.has_kernel, shot.directory
    with_kernel = backend.needs_kernel_on_disk
    built = image.ensure(spec.release, progress, with_kernel=with_kernel)
    return built.disk, spec.release, with_kernel, built.directory


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
