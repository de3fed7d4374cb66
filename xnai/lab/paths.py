"""Where the lab keeps its state and its cache."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xnai.run import user_directories

PACKAGE = Path(__file__).resolve().parent


def state_dir() -> Path:
    """The folder of all lab state.

    Returns:
        ``$XDG_STATE_HOME/xnai/lab`` or its default; not created here.
    """
    return user_directories.state() / "lab"


def cache_dir() -> Path:
    """The folder of everything that can be built again.

    Returns:
        ``$XDG_CACHE_HOME/xnai/lab`` or its default; not created here.
    """
    return user_directories.cache() / "lab"


def machines_dir() -> Path:
    """The folder with one folder per machine.

    Returns:
        The path; not created here.
    """
    return state_dir() / "machines"


def snapshots_dir() -> Path:
    """The folder with one folder per snapshot.

    Returns:
        The path; not created here.
    """
    return state_dir() / "snapshots"


def private_dir(path: Path) -> Path:
    """Make a folder that only its owner may enter.

    Args:
        path: the folder; parents are made too.

    Returns:
        The same path.
    """
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


@contextmanager
def build_dir(cache: Path, what: str) -> Iterator[Path]:
    """A folder to build in; what an aborted build of the same thing left is removed first.

    To be used under that thing's lock, which says that nobody else builds it.

    Args:
        cache: the folder that it is made in.
        what: the thing that is built.

    Yields:
        The folder, gone afterwards.
    """
    prefix = f"build-{what}@"
    cache.mkdir(parents=True, exist_ok=True)
    for left in cache.glob(f"{prefix}*"):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=cache) as folder:
        work = Path(folder)
        # The root of an unshared mmdebstrap must be able to pass through.
        work.chmod(0o755)
        yield work
