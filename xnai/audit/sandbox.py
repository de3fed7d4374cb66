"""Running GNU make on somebody else's Makefile so that nothing of it can run or get out.

make expands `$(shell …)`, `!=` and `load` while it reads, and runs lines with `+` even in a dry
run. So the root that it sees holds make itself with its libraries, and copies of makefiles: no
shell, no other program, nothing with an execute bit, no binary to load. It has no network, no
other process to see, nothing that it can write, an empty environment, and little time and memory.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from xnai.diagnostics.finding import Unknown

TREE = "/tree"
SECONDS = 10
MEMORY = 256 * 1024 * 1024
MAX_OUTPUT = 64 * 1024 * 1024
NOBODY = 65534

_INFO = re.compile(r"(\$[({])info(\s)")

NO_SHELL = "/xnai-has-no-shell"
"""What SHELL is set to: it does not exist."""


@dataclass(frozen=True)
class Ran:
    """What a command in the sandbox printed, and how long it took."""

    out: str
    err: str
    code: int
    seconds: float


@dataclass(frozen=True)
class Launcher:
    """How a kind of sandbox starts make: the words around the working directory.

    Attributes:
        before: the words up to the working directory.
        after: the words behind it.
        user: whom to run it as; None is who runs this.
        limits: of prlimit(1), over those that the sandbox sets itself.
        forget: what ends the sandbox where its first process was ended from outside.
        seconds: the time that it may take, its own start included.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    user: int | None
    limits: tuple[str, ...]
    forget: tuple[str, ...] = ()
    seconds: int = SECONDS


@dataclass(frozen=True)
class Sandbox:
    """A prepared root, and what starts make in it."""

    root: Path
    launcher: Launcher | None = None

    def make(self, directory: str, words: Sequence[str]) -> Ran | Unknown:
        """Run make in `directory` of the tree with the arguments `words`."""
        assert self.launcher is not None  # noqa: S101 - set before it is handed out
        where = f"{TREE}/{directory}".rstrip("/")
        launcher = self.launcher
        return _bounded([*launcher.before, where, *launcher.after, *words], launcher)

    def put(self, path: str, text: str) -> None:
        """Give the copy of the tree a file."""
        target = self.root / TREE[1:] / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        # What $(info) prints would stand among the commands; on standard error it does not.
        target.write_text(_INFO.sub(r"\1warning\2", text), "utf-8", newline="")
        target.chmod(0o444)


@contextmanager
def sandbox(files: Mapping[str, str]) -> Iterator[Sandbox | Unknown]:
    """Prepare a sandbox around copies of some files.

    Args:
        files: path below the tree -> text.

    Yields:
        The sandbox; or Unknown where this machine has no make or no way to make one.
    """
    make = shutil.which("make")
    if make is None:
        yield Unknown("make", "GNU make is not installed", "sudo apt-get install make")
        return
    with tempfile.TemporaryDirectory(prefix="xnai-audit-", ignore_cleanup_errors=True) as folder:
        root = Path(folder)
        problem = _furnish(root, make)
        if problem:
            yield problem
            return
        box = Sandbox(root)
        for path, text in files.items():
            box.put(path, text)
        yield _first_that_works(root)


def _furnish(root: Path, make: str) -> Unknown | None:
    """Put make, its libraries and nothing else into `root`."""
    done = subprocess.run(["ldd", make], capture_output=True, text=True, check=False)
    libraries = re.findall(r"(/\S+) \(0x", done.stdout)
    if done.returncode or any("guile" in name for name in libraries):
        return Unknown(
            "make", "this make is linked with Guile, or is no dynamic program",
            "sudo apt-get install make (not make-guile)",
        )
    for name in (TREE[1:], "tmp", "proc", "dev", "etc", "run", "sys"):
        (root / name).mkdir()
    shutil.copyfile(make, root / "make")
    (root / "make").chmod(0o555)
    for library in libraries:
        target = root / library[1:]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(library, target)
        target.chmod(0o555)
    return None


def _launchers(root: Path) -> Iterator[Launcher]:
    bwrap, podman = shutil.which("bwrap"), shutil.which("podman")
    if bwrap:
        words = (
            bwrap, "--unshare-all", "--die-with-parent", "--new-session", "--clearenv",
            "--cap-drop", "ALL", "--ro-bind", str(root), "/", "--chdir",
        )
        limits = (f"--as={MEMORY}", "--nproc")
        if os.geteuid() == 0:
            # Root's rights are not needed, and the kernel limits nobody's processes, not root's.
            yield Launcher(words, ("/make",), NOBODY, limits)
        yield Launcher(words, ("/make",), None, limits)
    if podman and os.geteuid() != 0:
        quiet, name = (podman, "--log-level=error"), root.name
        yield Launcher(
            (
                *quiet, "run", "--rm", "--name", name, f"--timeout={SECONDS}", "--network=none",
                "--read-only", "--cap-drop=all", "--security-opt=no-new-privileges",
                "--pids-limit=16", f"--memory={MEMORY}",
                # The two above need a control group of this user's own; these do not.
                f"--ulimit=data={MEMORY}:{MEMORY}", f"--ulimit=cpu={SECONDS}:{SECONDS}",
                "--log-driver=none", "--workdir",
            ),
            ("--rootfs", str(root), "/make"), None, (),
            (*quiet, "rm", "--force", "--ignore", "--time=0", name), 2 * SECONDS,
        )


def _first_that_works(root: Path) -> Sandbox | Unknown:
    tried = []
    for launcher in _launchers(root):
        if launcher.user is not None:
            os.chown(root, launcher.user, -1)
        box = Sandbox(root, launcher)
        ran = box.make("", ["--version"])
        if isinstance(ran, Ran) and "GNU Make" in ran.out:
            return box
        tried.append(ran.why if isinstance(ran, Unknown) else ran.err.strip()[-200:])
    return Unknown(
        "sandbox",
        "no sandbox: " + ("; ".join(tried) or (
            "neither bubblewrap nor Podman" if os.geteuid() else
            "bubblewrap is not installed (Podman serves where this is not run as root)"
        )),
        "sudo apt-get install bubblewrap; on Ubuntu 24.04, whose AppArmor forbids bubblewrap its "
        "user namespace: sudo apt-get install podman (rootless), or run as root",
    )


_ENDLESS = Unknown("make", f"no end within {SECONDS} s", "look for a loop of includes or calls")


def _forget(launcher: Launcher, env: Mapping[str, str]) -> None:
    """End what outlives its launcher: a container is no child of the command that started it."""
    if launcher.forget:
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(
                launcher.forget, env=env, cwd="/", capture_output=True, check=False,
                timeout=2 * SECONDS,
            )


def _bounded(argv: Sequence[str], launcher: Launcher) -> Ran | Unknown:
    """Run a command with limits on time, memory, processes, file sizes and output."""
    user = launcher.user
    own = [f"--nproc={_processes(user) + 32}" if word == "--nproc" else word
           for word in launcher.limits]
    limits = ["prlimit", *own, f"--cpu={SECONDS}", f"--fsize={MAX_OUTPUT}", "--core=0", "--"]
    # Podman's own store lies in the home; bubblewrap needs nothing of the environment.
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"} | {
        name: os.environ[name] for name in ("HOME", "XDG_RUNTIME_DIR") if name in os.environ
    }
    started = time.monotonic()
    # Into files, not pipes: their size is limited by the kernel, ours need no thread to drain.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with subprocess.Popen(
            [*limits, *argv], stdin=subprocess.DEVNULL, stdout=out, stderr=err, user=user,
            group=user, extra_groups=[] if user is not None else None,
            env=env, cwd="/",
        ) as process:
            try:
                code = process.wait(launcher.seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                _forget(launcher, env)
                return _ENDLESS
            if code and launcher.forget and time.monotonic() - started >= SECONDS:
                return _ENDLESS
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read(MAX_OUTPUT).decode("utf-8", "surrogateescape"))
    if max(map(len, texts)) >= MAX_OUTPUT // 2:
        return Unknown("make", "printed too much", "look for a recursion in variables")
    return Ran(texts[0], texts[1], code, time.monotonic() - started)


def _processes(user: int | None) -> int:
    """How many threads the user has now: the kernel counts all of them against the limit."""
    wanted = os.getuid() if user is None else user
    count = 0
    for status in Path("/proc").glob("[0-9]*"):
        try:
            if status.stat().st_uid == wanted:
                count += len(list((status / "task").iterdir()))
        except OSError:
            continue  # ended meanwhile
    return count
