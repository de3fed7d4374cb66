"""Builds the real Vikunja from its public source, for tests that the lab's stand-in cannot do.

    .venv/bin/python -m tests.vikunja.build 2.5.0

Differs from the official binary: without cgo (so without SQLite) and with an empty page in place
of the web pages. Nothing of Vikunja's code is kept here; what is built lies in the lab's cache.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from xnai.lab import paths

VERSIONS = ("2.4.0", "2.5.0")
# A URL or a directory that git clones from.
SOURCE = os.environ.get("XNAI_VIKUNJA_GIT", "https://github.com/go-vikunja/vikunja.git")
# Where the Go module proxy does not serve a module: `module=URL-or-directory@revision`, separated
# by commas. The revision is checked out, and go.mod points there; where go.mod replaces a module
# already, `module` is the replaced one (go follows one replacement and no second).
MODULES = os.environ.get("XNAI_VIKUNJA_MODULES", "")
# Built by the release's tags (magefile.go): users and names without libc.
_TAGS = "osusergo,netgo"
_LIMIT_S = 3600


def binary(version: str) -> Path:
    """Return the program of a version, built first where the cache lacks it.

    Args:
        version: as in its tag, without the leading v.

    Returns:
        Its path.
    """
    final = paths.cache_dir() / "vikunja" / f"vikunja-{version}"
    if final.exists():
        return final
    final.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=final.parent) as work:
        source = _checkout(SOURCE, f"v{version}", Path(work) / "vikunja")
        page = source / "frontend/dist"
        page.mkdir(parents=True, exist_ok=True)
        (page / "index.html").write_text("<!doctype html><title>none</title>\n")
        for number, item in enumerate(filter(None, MODULES.split(","))):
            module, _, place = item.partition("=")
            origin, _, revision = place.rpartition("@")
            directory = _checkout(origin, revision, Path(work) / f"module-{number}")
            if not (directory / "go.mod").exists():
                (directory / "go.mod").write_text(f"module {module}\n")
            _go(source, "mod", "edit", f"-replace={module}={directory}")
        # A release tool, and no part of the program.
        _go(source, "mod", "edit", "-droptool=src.techknowlogick.com/xgo",
            "-droprequire=src.techknowlogick.com/xgo")
        _go(
            source, "build", "-mod=mod", "-trimpath", "-buildvcs=false", "-tags", _TAGS,
            "-ldflags", f"-s -w -X code.vikunja.io/api/pkg/version.Version=v{version}",
            "-o", str(Path(work) / "program"), ".",
        )
        shutil.move(Path(work) / "program", final)
    return final


def _checkout(origin: str, revision: str, directory: Path) -> Path:
    """A revision's files; `origin` may be a bare repository."""
    _run(["git", "clone", "--quiet", "--no-checkout", origin, str(directory)])
    _run(["git", "-C", str(directory), "checkout", "--quiet", "--detach", revision])
    return directory


def _go(source: Path, *words: str) -> None:
    _run(["go", *words], cwd=source, env=os.environ | {"CGO_ENABLED": "0", "GOFLAGS": ""})


def _run(words: list[str], **more: object) -> None:
    subprocess.run(words, check=True, timeout=_LIMIT_S, **more)  # type: ignore[call-overload]


if __name__ == "__main__":
    for wanted in sys.argv[1:] or VERSIONS:
        print(binary(wanted), flush=True)
