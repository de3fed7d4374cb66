"""Makes the wheels of packages that only come as source; runs in an image's build stage.

    make_wheels.py fetch LOCK FOLDER [options of unearth]
    make_wheels.py build LOCK FOLDER --into FOLDER

`fetch` has the network and runs nothing of the packages; `build` runs them and has no network.
A wheel is kept in FOLDER/<key>, by all that it is made of, and is not made again.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TOOLS = Path(sys.executable).parent
BACKENDS = ("cython", "flit-core", "hatchling", "pdm-backend", "poetry-core", "setuptools")
_REQUIREMENT = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)")


class Failed(Exception):
    """A package could not be fetched or built; the text says which, and what to do."""


def entries(lock: str) -> dict[str, str]:
    """Return the requirements of a lock, name==version -> its whole text with the hashes."""
    found = {}
    for text in re.split(r"(?<!\\)\n", lock):
        if match := _REQUIREMENT.match(text):
            found[f"{match[1]}=={match[2]}"] = text
    return found


def key(entry: str, tools: str, packages: str) -> str:
    """Return what a wheel is kept by.

    Args:
        entry: its requirement with the hashes of its source.
        tools: the lock of the programs that build it.
        packages: Debian packages that are there for the build, a list in words.
    """
    made_of = "\n\0".join((entry, tools, packages, sys.version))
    return hashlib.sha256(made_of.encode()).hexdigest()


def fetch(requirement: str, folder: Path, options: list[str]) -> None:
    """Fetch a package's source; its hash is verified when it is built."""
    words = [str(TOOLS / "unearth"), requirement, "--no-binary", "--download", str(folder)]
    words += options
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode or not any(folder.iterdir()):
        last = (done.stderr.strip().splitlines() or ["no source is there"])[-1]
        raise Failed(f"{requirement}: its source could not be fetched: {last}")


def build(requirement: str, entry: str, source: Path, into: Path) -> None:
    """Build a package's wheel of a source that has the lock's hash, and keep it whole or not."""
    with tempfile.TemporaryDirectory(dir=into.parent) as work:
        lock = Path(work) / "lock.txt"
        lock.write_text(entry + "\n")
        wheels = Path(work) / "wheels"
        done = subprocess.run(
            [
                str(TOOLS / "pip"), "wheel", "--quiet", "--disable-pip-version-check",
                "--no-cache-dir", "--no-deps", "--no-index", "--find-links", str(source),
                "--no-binary", ":all:", "--require-hashes", "--no-build-isolation",
                "--check-build-dependencies", "--wheel-dir", str(wheels), "-r", str(lock),
            ],
            check=False,
        )
        if done.returncode:
            raise Failed(
                f"{requirement}: its wheel could not be built; what it said stands above. A "
                "compiler or a library's headers come by 'build_apt_packages'; a build tool that "
                f"is not among {', '.join(BACKENDS)} cannot be had: build that wheel "
                "elsewhere and lay it into wheelhouse_dir"
            )
        wheels.rename(into)


def main() -> None:
    """Fetch or build what is not there yet; `build` copies all wheels into a folder."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("step", choices=("fetch", "build"))
    parser.add_argument("lock", type=Path)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--packages", default="")
    parser.add_argument("--into", type=Path)
    given, options = parser.parse_known_args()
    of_tools = Path(__file__).with_name("requirements.txt").read_text()
    given.cache.mkdir(parents=True, exist_ok=True)
    for requirement, entry in entries(given.lock.read_text()).items():
        kept = given.cache / key(entry, of_tools, given.packages)
        source = kept.with_suffix(".source")
        if given.step == "fetch":
            if not kept.is_dir():
                shutil.rmtree(source, ignore_errors=True)
                source.mkdir()
                print(f"{requirement}: fetching its source", flush=True)
                fetch(requirement, source, options)
            continue
        if not kept.is_dir():
            print(f"{requirement}: building its wheel", flush=True)
            build(requirement, entry, source, kept)
            shutil.rmtree(source)
        for wheel in kept.iterdir():
            shutil.copy(wheel, given.into)


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        sys.exit(str(failed))
