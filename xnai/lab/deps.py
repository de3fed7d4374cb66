"""Debian packages that the lab needs on the controller."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from ctypes.util import find_library

from xnai.lab.apt import KEYRING
from xnai.lab.backends.base import Backend
from xnai.lab.checks import missing_tools
from xnai.lab.errors import LabError

# Program → package. What every backend needs.
TOOLS = {
    "mmdebstrap": "mmdebstrap",
    "apt-get": "apt",
    "dpkg-deb": "dpkg",
    "mkfs.ext4": "e2fsprogs",
    "resize2fs": "e2fsprogs",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "tar": "tar",
}
# Without root, ownership inside an image needs these.
USER_TOOLS = {"fakeroot": "fakeroot", "newuidmap": "uidmap"}
# docker-registry is not among them: its package would start a service on port 5000 of
# every address, so the lab unpacks the program alone.
REGISTRY_TOOLS = {"skopeo": "skopeo"}
# The services' own tests start Redis and llama.cpp. redis-tools has the server's program too,
# and unlike redis-server's package it starts nothing.
TEST_TOOLS = {"redis-check-rdb": "redis-tools"}
# The first that is there is used. Google's is for Ubuntu, where Chromium is a snap.
BROWSERS = ("chromium", "google-chrome")
BROWSER_DRIVER = "chromedriver"


def missing(
    backends: Sequence[Backend], *, registry: bool, tests: bool = False, uid: int | None = None
) -> list[str]:
    """Packages to install.

    Args:
        backends: whose needs count.
        registry: whether the image registry's needs count.
        tests: whether the needs of the services' own tests, and of the browser's, count.
        uid: the user's number; the present user's by default.

    Returns:
        Names, sorted; empty when all is there.
    """
    wanted = dict(TOOLS)
    if (os.geteuid() if uid is None else uid) != 0:
        wanted |= USER_TOOLS
    if registry:
        wanted |= REGISTRY_TOOLS
    if tests:
        wanted |= TEST_TOOLS
    found = {wanted[tool] for tool in missing_tools(wanted)}
    if tests:
        found.update(_missing_browser())
    if not KEYRING.exists():
        found.add("debian-archive-keyring")
    if tests and find_library("gomp") is None:
        found.add("libgomp1")
    for backend in backends:
        found.update(backend.missing())
    return sorted(found)


def require(backend: Backend) -> None:
    """Refuse to go on without the packages that a machine needs.

    Args:
        backend: the one chosen.

    Raises:
        LabError: naming what is missing and the command that installs it.
    """
    _refuse(missing([backend], registry=False))


def require_registry() -> None:
    """Refuse to go on without the packages that the image registry needs.

    Raises:
        LabError: naming what is missing and the command that installs it.
    """
    _refuse(missing([], registry=True))


def browser() -> tuple[str, str]:
    """Find the browser that the tests of pages use.

    Returns:
        The paths of the browser and of its driver.

    Raises:
        LabError: naming what is missing and the command that installs it.
    """
    _refuse(sorted(_missing_browser()))
    (program, *_), driver = _browsers(), shutil.which(BROWSER_DRIVER)
    return program, driver or BROWSER_DRIVER


def _browsers() -> list[str]:
    return [path for name in BROWSERS if (path := shutil.which(name))]


def _missing_browser() -> set[str]:
    lacking = set() if _browsers() else {"chromium"}
    return lacking if shutil.which(BROWSER_DRIVER) else {*lacking, "chromium-driver"}


def _refuse(lacking: Sequence[str]) -> None:
    if lacking:
        raise LabError(
            "packages are missing on this host",
            found=f"not installed: {' '.join(lacking)}",
            todo=f"xnai lab deps --install    (or: {shlex.join(apt_command(lacking))})",
        )


def apt_command(packages: Sequence[str]) -> list[str]:
    """The command that installs packages.

    Args:
        packages: their names.

    Returns:
        Its words, with sudo in front unless root runs this.
    """
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    return [
        *sudo,
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "install",
        "--yes",
        "--no-install-recommends",
        *packages,
    ]


def install(packages: Sequence[str]) -> None:
    """Install packages with apt, its output shown as it comes.

    Args:
        packages: their names.

    Raises:
        LabError: apt failed or there is neither root nor sudo.
    """
    argv = apt_command(packages)
    if argv[0] == "sudo" and not shutil.which("sudo"):
        raise LabError(
            "neither root nor sudo", todo=f"as root: {shlex.join(apt_command(packages)[1:])}"
        )
    prefix = argv[: argv.index("apt-get")]
    if subprocess.run([*prefix, "apt-get", "update"], check=False).returncode != 0:
        raise LabError("apt-get update failed", todo="see its messages above")
    if subprocess.run(argv, check=False).returncode != 0:
        raise LabError("apt-get install failed", todo="see its messages above")
