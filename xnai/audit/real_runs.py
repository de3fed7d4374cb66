"""Running targets for their time, only where the user names them: on a copy, with nothing to reach.

What is run is the tree's own code. It gets a copy of the tree, the system's programs read only, no
network, no home, no other process to see, an empty environment, and limited time and memory.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from xnai.audit.model import Table
from xnai.audit.names import SKIPPED
from xnai.audit.reading import shown
from xnai.audit.sandbox import NOBODY, TREE
from xnai.diagnostics.finding import Unknown

SECONDS = 600
MAX_TREE = 512 * 1024 * 1024
_MEMORY = 4 * 1024 * 1024 * 1024
# The system's programs and what they need; no home, no /var, nothing of /etc that holds a secret.
_READ_ONLY = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/alternatives",
              "/etc/ld.so.cache", "/etc/passwd", "/etc/group")


@dataclass(frozen=True)
class RealRun:
    """One target that was run: how long it took, and its exit code; None where it did not end."""

    target: str
    seconds: float
    code: int | None


def timed(root: Path, targets: Sequence[str]) -> Iterator[RealRun | Unknown]:
    """Run each target on a fresh copy of the tree at `root`."""
    bwrap, make = shutil.which("bwrap"), shutil.which("make")
    if not bwrap or not make:
        yield Unknown("--run", "bubblewrap or make is not installed",
                      "sudo apt-get install bubblewrap make")
        return
    size = sum(path.lstat().st_size for path in root.rglob("*") if not SKIPPED & set(path.parts))
    if size > MAX_TREE:
        yield Unknown("--run", f"the tree has {size:,} bytes, {MAX_TREE:,} are copied at most",
                      "run a part: xnai audit PATH/part --run TARGET")
        return
    for target in targets:
        with tempfile.TemporaryDirectory(prefix="xnai-audit-", ignore_cleanup_errors=True) as to:
            copy = Path(to) / "tree"
            shutil.copytree(root, copy, symlinks=True, ignore=shutil.ignore_patterns(*SKIPPED))
            yield _run(bwrap, copy, target)


def _run(bwrap: str, copy: Path, target: str) -> RealRun | Unknown:
    if target.startswith("-") or "=" in target:
        return Unknown("--run", f"{target!r} is no target's name", "name a target of the Makefile")
    user = NOBODY if os.geteuid() == 0 else None
    if user is not None:
        copy.parent.chmod(0o711)
        for path in (copy, *copy.rglob("*")):
            os.chown(path, user, user, follow_symlinks=False)
    words = [
        "prlimit", f"--as={_MEMORY}", "--core=0", f"--fsize={MAX_TREE}", f"--cpu={SECONDS}", "--",
        bwrap, "--unshare-all", "--die-with-parent", "--new-session", "--clearenv",
        "--setenv", "PATH", "/usr/local/bin:/usr/bin:/bin", "--setenv", "HOME", "/tmp",  # noqa: S108
        "--cap-drop", "ALL", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",  # noqa: S108
    ]
    for shared in _READ_ONLY:
        words += ["--ro-bind-try", shared, shared]
    words += ["--bind", str(copy), TREE, "--chdir", TREE, "make", "--no-print-directory", target]
    started = time.monotonic()
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            user=user, group=user, extra_groups=[] if user is not None else None, cwd="/",
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, timeout=SECONDS, check=False,
        )
    except subprocess.TimeoutExpired:
        return RealRun(target, float(SECONDS), None)
    return RealRun(target, time.monotonic() - started, done.returncode)


def table(runs: Sequence[RealRun], command: str) -> Table:
    """Return what the runs took, with the total in the title."""
    total = sum(one.seconds for one in runs)
    return Table(
        f"Real runs in the sandbox ({total:.2f} s in all)", command,
        ("target", "seconds", "exit code"),
        tuple((shown(one.target), f"{one.seconds:.2f}",
               "no end" if one.code is None else str(one.code)) for one in runs),
    )
