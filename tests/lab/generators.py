"""The zram-generators of Debian's releases, to be run on this host."""

from __future__ import annotations

import json
import os
import pwd
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from xnai.lab.apt import AptRoot, mirror
from xnai.lab.paths import cache_dir

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "xnai" / "programs" / "zram" / "host.py"
# What each suite had when the test was last looked at. sid's moves on: the newest is taken, and
# said.
SEEN = {"bookworm": "1.1.2-2+b2", "trixie": "1.2.1-2", "sid": "1.2.1-2+b2"}
_PACKAGES = "systemd-zram-generator|libc6|libgcc-s1"

# Runs a case a line, with nobody's rights; the host's files come as text.
_LOOP = r"""
import json, os, sys, tempfile
from pathlib import Path
for line in sys.stdin:
    case = json.loads(line)
    with tempfile.TemporaryDirectory() as place:
        host, copies = Path(place) / "host", Path(place) / "copies"
        copies.mkdir()
        for name, text in {"proc/cmdline": "quiet\n", **case["files"]}.items():
            path = host / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is None: path.symlink_to("/dev/null")
            else: path.write_bytes(text.encode("latin-1"))
        print(json.dumps(ask(Trial(case["generator"], copies, tuple(case["ours"]), host))),
              flush=True)
"""


@dataclass(frozen=True)
class DebianGenerator:
    """A suite's zram-generator.

    Attributes:
        suite: of Debian.
        version: of the package.
        path: what runs it with its own C library, which this host's may be older than.
    """

    suite: str
    version: str
    path: str


def fetched(suite: str) -> DebianGenerator:
    """Return a suite's generator: the one last looked at, or where that is gone the newest."""
    home = cache_dir() / "zram-generator" / suite
    kept = home / SEEN[suite] / "run"
    if kept.exists():
        return DebianGenerator(suite, SEEN[suite], str(kept))
    home.mkdir(parents=True, exist_ok=True)
    debian = AptRoot(home / "apt", {suite: mirror()}, home / "log")
    debian.update()
    versions = debian.versions(_PACKAGES)
    version = versions["systemd-zram-generator"]
    there = home / version
    if not (there / "run").exists():
        for package, wanted in versions.items():
            deb = debian.download(package, wanted)
            (there / "files").mkdir(parents=True, exist_ok=True)
            subprocess.run(["dpkg-deb", "-x", deb, there / "files"], check=True)
        linker = next((there / "files").rglob("ld-linux-x86-64.so.2"))
        program = next((there / "files").rglob("system-generators/zram-generator"))
        libraries = {str(path.parent) for path in (there / "files").rglob("*.so*")}
        words = [linker.resolve(), "--library-path", ":".join(sorted(libraries)), program]
        (there / "new").write_text(f'#!/bin/sh\nexec {shlex.join(map(str, words))} "$@"\n')
        (there / "new").chmod(0o755)
        (there / "new").rename(there / "run")
    return DebianGenerator(suite, version, str(there / "run"))


class Asker:
    """The program that a host runs, as a process that answers case after case."""

    def __init__(self, copies: Path) -> None:
        code = PROGRAM.read_text("utf-8").replace("sys.exit(main(*sys.argv[1:]))", "pass") + _LOOP
        nobody = pwd.getpwnam("nobody")
        # Nobody may not enter this host's cache, nor pytest's own folders.
        words = ["setpriv", "--reuid", str(nobody.pw_uid), "--regid", str(nobody.pw_gid),
                 "--clear-groups"] if os.getuid() == 0 else []
        self.process = subprocess.Popen(
            [*words, "/usr/bin/python3", "-I", "-c", code], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, cwd="/", env={"TMPDIR": str(copies)},
        )

    def ask(self, generator: str, ours: tuple[str, str], files: dict[str, str | None]) -> dict:
        """Return the program's answer for a host with these files."""
        case = {"generator": generator, "ours": ours, "files": files}
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(case) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self) -> None:
        """End the process."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(timeout=30)
