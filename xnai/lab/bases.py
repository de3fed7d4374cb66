"""Deployed machines kept as read-only disks, so that the next one starts where a deploy ends.

A base is found by the digest of everything that reaches a deployed machine (`reaching`), and used
only while it is whole and while Debian offers the packages that the deploy installed. One that is
made again gets a folder of its own: machines may still stand on the one before.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from xnai.lab import bootstrap, debian, disk, image, paths, registry, snapshots
from xnai.lab.errors import LabError
from xnai.lab.guest import CONFIG as MACHINE_CONFIG
from xnai.lab.guest import Machine
from xnai.lab.kernel import build as kernel
from xnai.lab.proc import locked
from xnai.lab.progress import Progress
from xnai.lab.recipe import recipe_hash, tree_parts
from xnai.lab.spec import Config, MachineSpec, load_json, save_json
from xnai.lab.standins.build import recipe as standin_recipe
from xnai.lab.standins.definitions import NEEDED

ROOT = Path(__file__).resolve().parents[2]
RECORD = "base.json"
# So many are kept: the present tree's and the one before, for whoever goes back and forth.
KEPT = 2
# What of the checkout reaches a deployed machine, and what below it does not.
FILES = ("deploy.py", "inventory.py", "uv.lock")
FOLDERS = ("tasks", "templates", "files", "group_data", "xnai")
LEFT_OUT = ("xnai/audit/", "xnai/lab/bases.py", "xnai/lab/cli.py", "xnai/lab/trial.py")


@dataclass(frozen=True)
class FoundBase:
    """What the cache has for a key.

    Args:
        directory: the base's folder; None where there is none to use.
        why: why not, for people.
    """

    directory: Path | None
    why: str = ""


def directory() -> Path:
    """The folder with one folder a base.

    Returns:
        The path; not created here.
    """
    return paths.cache_dir() / "deployed"


def any_kept() -> bool:
    """Whether some base is kept, of this tree or another.

    Returns:
        True where there is one.
    """
    return any(directory().glob(f"*/{RECORD}"))


def reaching(spec: MachineSpec, backend: str) -> dict[str, str | bytes]:
    """Everything that decides what a deployed machine is, but for what Debian offers today.

    Args:
        spec: the machine; its name does not count.
        backend: kvm, uml or tcg.

    Returns:
        Named ingredients.
    """
    parts: dict[str, str | bytes] = {
        name: (ROOT / name).read_bytes() for name in FILES if (ROOT / name).exists()
    }
    for folder in FOLDERS:
        for name, data in tree_parts(ROOT / folder).items():
            path = f"{folder}/{name}"
            if not path.startswith(LEFT_OUT) and "/tests/" not in path:
                parts[path] = data
                # It goes into images with the file.
                parts[f"{path} may be executed"] = str(os.access(ROOT / path, os.X_OK))
    # Of the services' folders only what git tracks is sent.
    tracked = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "files"], capture_output=True, check=False
    )
    parts["tracked"] = tracked.stdout
    built = kernel.cached(spec.kernel) if backend == "uml" else None
    parts |= {
        "machine": f"{backend} {spec.release} {spec.memory_mib} {spec.cpus} {spec.disk_gib}",
        "registry": str(registry.port()),
        "kernel": built.binary.parent.name if built else "",
        "image": image.recipe(spec.release, with_kernel=backend != "uml"),
        **{f"stand-in/{one.reference}": standin_recipe(one) for one in NEEDED},
        **{f"ca/{path.name}": path.read_bytes() for path in bootstrap.extra_ca_certificates()},
    }
    return parts


def key(spec: MachineSpec, backend: str) -> str:
    """The name of the base for a machine.

    Args:
        spec: the machine; its name does not count.
        backend: kvm, uml or tcg.

    Returns:
        16 hexadecimal digits.
    """
    return recipe_hash(reaching(spec, backend))


def find(name: str, progress: Progress) -> FoundBase:
    """Look for a base that can be used now.

    Args:
        name: its key.
        progress: where remarks are told.

    Returns:
        Its folder, or why there is none.
    """
    found = FoundBase(None, "none was kept of this tree, these settings and this kernel")
    for folder in reversed(kept(name)):
        found = _usable(folder, progress)
        if found.directory:
            break
    return found


def kept(name: str) -> list[Path]:
    """Every base of a key, usable or not.

    Args:
        name: the key.

    Returns:
        Folders, the oldest first.
    """
    folders = directory().glob(f"{name}.*")
    return sorted(folders, key=lambda path: int(path.suffix[1:]))


def _usable(folder: Path, progress: Progress) -> FoundBase:
    record = load_json(folder / RECORD)
    if record is None or record["disk"] != _stamp(folder):
        return FoundBase(None, "the one kept is damaged: its disk or its record was changed since")
    release = snapshots.load(folder).config.release
    now = debian.state(release)
    try:
        if now is not None and now != record["debian"]:
            if newer := debian.outdated(release, record["packages"], directory()):
                return FoundBase(
                    None, f"Debian has {len(newer)} newer packages, such as {newer[0]}"
                )
            save_json(folder / RECORD, {**record, "debian": now})
    except LabError:
        now = None
    if now is None:
        progress.say("  Debian's mirror does not answer: newer packages would not be noticed")
    return FoundBase(folder)


def _stamp(folder: Path) -> dict[str, int] | None:
    try:
        found = snapshots.load(folder).disk.stat()
    except (LabError, OSError):
        return None
    return {
        "bytes": found.st_size, "mtime_ns": found.st_mtime_ns, "mode": found.st_mode & 0o777,
    }


def keep(
    machine: Machine, name: str, progress: Progress, offered: dict[str, str] | None = None
) -> Path:
    """Keep the disk of a running, deployed machine as a base; it appears whole or not at all.

    The machine runs on; its file system stands still while it is copied.

    Args:
        machine: one with a disk of its own.
        name: the base's key, as it was before the deploy.
        progress: where the step is told.
        offered: what Debian offered before the deploy (`debian.state`); asked now by default.

    Returns:
        The base's folder.

    Raises:
        LabError: the guest does not stand still, or the copy failed.
    """
    root = paths.private_dir(directory())
    with locked(root / "lock", progress, "a base in the making"):
        # A leading point keeps a half copied one out of every listing.
        for left in root.glob(".*.part"):
            shutil.rmtree(left, ignore_errors=True)
        number = max((int(path.suffix[1:]) for path in kept(name)), default=0) + 1
        part, target = root / f".{name}.part", root / f"{name}.{number}"
        paths.private_dir(part)
        try:
            _write(machine, part, progress, offered)
            part.rename(target)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        _prune(target)
    return target


def _write(
    machine: Machine, part: Path, progress: Progress, offered: dict[str, str] | None
) -> None:
    """Write a base's files into a folder."""
    packages = installed(machine)
    state = debian.state(machine.config.release) if offered is None else offered
    with progress.step(f"keeping the disk of {machine.config.host_name} for later machines"):
        with machine.frozen():
            disk.copy_sparse(machine.disk, part / machine.disk.name, part / "copy.log")
        for file in snapshots.BOOT_FILES:
            if (machine.directory / file).exists():
                shutil.copy2(machine.directory / file, part / file)
    machine.config.save(part / snapshots.CONFIG)
    (part / machine.disk.name).chmod(0o444)
    save_json(
        part / RECORD, {"disk": _stamp(part), "packages": packages, "debian": state or {}}
    )


def installed(machine: Machine) -> dict[str, str]:
    """What a deploy installed: all packages but those of the bare image.

    A deploy upgrades nothing, so a newer version of the image's own packages changes nothing.

    Args:
        machine: a running machine.

    Returns:
        Version by package.
    """
    asked = (
        "dpkg-query --show --showformat '${db:Status-Status} ${Package} ${Version}\\n' "
        "| sed -n 's/^installed //p'"
    )
    found = dict(line.split(" ") for line in machine.run(asked).stdout.splitlines())
    own = image.packages(machine.config.release, with_kernel=machine.config.has_kernel)
    return {name: version for name, version in found.items() if name not in own}


def _users() -> set[str]:
    """Every disk that a machine or a snapshot records changes of."""
    files = [
        *paths.machines_dir().glob(f"*/{MACHINE_CONFIG}*"),
        *paths.snapshots_dir().glob(f"*/{snapshots.CONFIG}"),
    ]
    return {config.base for path in files if (config := Config.load(path)) and config.base}


def _prune(newest: Path) -> None:
    """Remove the oldest bases on which nothing stands."""
    used = {Path(base).parent for base in _users()} | {newest}

    def kept_at(path: Path) -> int:
        record = load_json(path / RECORD)
        return int(record["disk"]["mtime_ns"]) if record else 0

    all_of_them = sorted(
        (path.parent for path in directory().glob(f"*/{RECORD}")), key=kept_at
    )
    for folder in all_of_them[:-KEPT]:
        if folder not in used:
            shutil.rmtree(folder)
