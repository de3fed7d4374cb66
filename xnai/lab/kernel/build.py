"""Get or build the kernel of user-mode Linux machines."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from xnai.lab import apt, bootstrap, paths
from xnai.lab.errors import LabError
from xnai.lab.proc import locked, run_logged
from xnai.lab.progress import Progress
from xnai.lab.recipe import recipe_hash

SUITE = "trixie-backports"
# The series this fragment was proven with; the newest one stands in when it is gone.
PROVEN_SERIES = "7.2"
# The oldest release the binary shall run on: it is linked against that libc.
BUILD_SUITE = "bookworm"
BUILD_PACKAGES = (
    "gcc",
    "libc6-dev",
    "make",
    "flex",
    "bison",
    "bc",
    "libelf-dev",
    "xz-utils",
    "kmod",
    "patch",
)
EPOCH = "1767225600"
HERE = Path(__file__).resolve().parent
PATCH = "uaccess.patch"
FILES = ("linux", "config", "release", "modules.tar")
# Kernel -> the fragments that it is made of, beyond the defconfig.
FRAGMENTS = {"plain": ("uml.config",), "storage": ("uml.config", "storage.config")}


@dataclass(frozen=True)
class Kernel:
    """A kernel in the cache.

    Args:
        binary: the executable.
        modules: a tar of what belongs to /lib/modules/RELEASE: lists of built-in drivers.
        config: its whole configuration.
        release: what ``uname -r`` will say.
    """

    binary: Path
    modules: Path
    config: Path
    release: str


def fragment(kernel: str) -> str:
    """What a kernel's configuration has beyond the defconfig.

    Args:
        kernel: one of `FRAGMENTS`.

    Returns:
        The lines.
    """
    return "\n".join((HERE / name).read_text() for name in FRAGMENTS[kernel])


def fragment_hash(kernel: str = "plain") -> str:
    """Digest of everything of ours that decides what is built.

    Args:
        kernel: one of `FRAGMENTS`.

    Returns:
        16 hexadecimal digits.
    """
    return recipe_hash(
        {
            "fragment": fragment(kernel),
            "script": (HERE / "build.sh").read_bytes(),
            "patch": (HERE / PATCH).read_bytes(),
            "suite": BUILD_SUITE,
            "packages": " ".join(BUILD_PACKAGES),
        }
    )


def cached(kernel: str = "plain") -> Kernel | None:
    """The newest kernel in the cache that was built from the present fragments.

    Args:
        kernel: one of `FRAGMENTS`.

    Returns:
        The kernel, or None.
    """
    found = sorted(
        paths.cache_dir().glob(f"kernel/*_{fragment_hash(kernel)}/release"),
        key=lambda path: path.stat().st_mtime,
    )
    return _load(found[-1].parent) if found else None


def _load(directory: Path) -> Kernel:
    release = (directory / "release").read_text().strip()
    return Kernel(
        directory / "linux", directory / "modules.tar", directory / "config", release
    )


def choose_series(versions: dict[str, str]) -> tuple[str, str]:
    """Pick the source package: the proven series, else the newest.

    Args:
        versions: versions by package name, names such as linux-source-7.2.

    Returns:
        Package and version.

    Raises:
        LabError: the suite has no kernel source.
    """
    proven = f"linux-source-{PROVEN_SERIES}"
    if proven in versions:
        return proven, versions[proven]
    if not versions:
        raise LabError(
            f"{SUITE} offers no linux-source package",
            todo=f"look at the mirror named by ${apt.MIRROR_VARIABLE}",
        )
    newest = max(versions, key=lambda name: [int(n) for n in re.findall(r"\d+", name)])
    return newest, versions[newest]


def ensure(progress: Progress, kernel: str = "plain", *, refresh: bool = False) -> Kernel:
    """The kernel from the cache, built first when it is not there.

    Args:
        progress: where the steps are told.
        kernel: one of `FRAGMENTS`.
        refresh: look for a newer version in Debian although one is cached.

    Returns:
        The kernel.

    Raises:
        LabError: fetching, configuring or compiling failed.
    """
    have = cached(kernel)
    if have and not refresh:
        return have
    cache = paths.cache_dir() / "kernel"
    with locked(cache / "lock", progress, "the kernel in work"):
        have = cached(kernel)
        if have and not refresh:
            return have
        with paths.build_dir(cache, "kernel") as work:
            return _build(kernel, work, cache, progress)


def _build(kernel: str, work: Path, cache: Path, progress: Progress) -> Kernel:
    log = cache / f"{kernel}.log"
    log.unlink(missing_ok=True)
    root = apt.AptRoot(work / "apt", {SUITE: apt.mirror()}, log)
    with progress.step(f"reading {SUITE}"):
        root.update()
    package, version = choose_series(root.versions(r"linux-source-\d+\.\d+"))
    final = cache / f"{version}_{fragment_hash(kernel)}"
    if (final / "release").exists():
        return _load(final)
    with progress.step(f"downloading {package} {version}"):
        deb = root.download(package, version)
        run_logged(["dpkg-deb", "-x", str(deb), str(work / "deb")], log)
    source = next((work / "deb" / "usr" / "src").glob("linux-source-*.tar.xz"))
    out = work / "out"
    out.mkdir()
    # One job more than processors: while one reads a file, another compiles.
    inputs = {
        "jobs": str((os.cpu_count() or 1) + 1), "epoch": EPOCH, "fragment": fragment(kernel),
    }
    for name, text in inputs.items():
        (work / name).write_text(text)
    hooks = [
        'mkdir "$1/build"',
        f'upload "{source}" /build/source.tar.xz',
        f'upload "{HERE / "build.sh"}" /build/build.sh',
        f'upload "{HERE / PATCH}" /build/patch',
        *(f'upload "{work / name}" /build/{name}' for name in inputs),
        'chroot "$1" sh /build/build.sh',
        *(f'download /build/{name} "{out / name}"' for name in FILES),
    ]
    argv = bootstrap.command(BUILD_SUITE, "/dev/null", packages=BUILD_PACKAGES, hooks=hooks)
    with progress.step(f"compiling {package} {version}, {kernel} (once; log: {log})"):
        run_logged(argv, log)
    (out / "linux").chmod(0o755)
    staged = cache / f".{final.name}"
    shutil.rmtree(staged, ignore_errors=True)
    shutil.move(str(out), staged)
    staged.rename(final)
    return _load(final)
