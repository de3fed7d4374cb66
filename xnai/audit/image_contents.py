"""Which programs an image of a local store has: its files' names, read without running any of it.

Podman mounts an image read only, and the names are listed from outside; Docker makes a container
that is never started and exports it. What a store does not have is not fetched.
"""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from xnai.audit import image_layers
from xnai.audit.image_layers import ImageLayer

SECONDS = 30
MAX_NAMES = 8 * 1024 * 1024

Programs = frozenset[str]

# Run by sh as the store's user, its arguments the images. A link in an image that leads out is
# listed and not followed; a newline in a name becomes a question mark.
LISTING = r"""
for image; do
    mounted=$(podman image mount "$image" 2>/dev/null) || continue
    printf 'image\n%s\n' "$image"
    find "$mounted" -xdev \( -type f -perm /111 -o -type l \) -printf '%f\0' 2>/dev/null |
        tr '\n\0' '?\n' | sort -u | sed 's/^/ /'
    printf 'end\n'
    podman image unmount "$image" >/dev/null 2>&1 || :
done
"""


def parsed(lines: Iterable[str]) -> dict[str, Programs]:
    """Return what LISTING printed: image -> names. One whose list was cut off is left out."""
    # A list without anything was not read, for no image is empty.
    return {image: frozenset(names) for image, names in image_layers.blocks(lines) if names}


def spellings(image: str) -> tuple[str, ...]:
    """Return the names that a store may have an image under."""
    name = image if "@" in image or ":" in image.rpartition("/")[2] else f"{image}:latest"
    return (name, f"docker.io/library/{name}", f"docker.io/{name}", f"localhost/{name}")


@dataclass
class Contents:
    """The images of one store.

    Attributes:
        where: whose store it is, for reports; empty without a container engine.
        of_host: whether they are what a host runs, and not what was built here some time.
        known: image -> its programs, None where that cannot be told.
        measured: image -> its layers, where the store was asked for them; none where it lacks it.
    """

    where: str
    of_host: bool = False
    known: dict[str, Programs | None] = field(default_factory=dict)
    measured: dict[str, tuple[ImageLayer, ...]] = field(default_factory=dict)

    def programs(self, image: str) -> Programs | None:
        """Return the programs of an image, None where the store does not have it."""
        names = spellings(image)
        for name in names:
            if self.known.get(name):
                return self.known[name]
        if not self.of_host and image not in self.known:
            self.known[image] = _asked(image, names) if self.where and "$" not in image else None
        return self.known.get(image)

    def layers(self, images: Iterable[str]) -> dict[str, tuple[ImageLayer, ...]]:
        """Return image -> its layers, the lowest first, for those that the store has."""
        wanted = {image: spellings(image) for image in images if "$" not in image}
        if wanted and self.where and not self.of_host:
            every = sorted({name for names in wanted.values() for name in names})
            # What is not there now may be the next time: that it was asked for is known, too.
            self.measured |= dict.fromkeys(every, ()) | image_layers.asked(self.where, every)
        return {
            image: self.measured[name] for image, names in wanted.items()
            for name in reversed(names) if self.measured.get(name)
        }


def local() -> Contents:
    """Return the store of this machine's Podman, else of its Docker."""
    return Contents(next((name for name in ("podman", "docker") if shutil.which(name)), ""))


def of_host(
    name: str, found: Mapping[str, Programs],
    layers: Mapping[str, tuple[ImageLayer, ...]] | None = None,
) -> Contents:
    """Return what a host's store was found to have."""
    return Contents(f"{name}'s store", True, dict(found), dict(layers or {}))


def _asked(image: str, names: tuple[str, ...]) -> Programs | None:
    try:
        if shutil.which("podman"):
            return next(iter(_podman(names).values()), None)
        return _docker(image)
    except (OSError, subprocess.SubprocessError, tarfile.TarError):
        return None  # an engine that does not answer tells nothing


def _podman(names: tuple[str, ...]) -> dict[str, Programs]:
    # For root `unshare` is refused and not needed.
    rootless = subprocess.run(
        ["podman", "info", "--format", "{{.Host.Security.Rootless}}"],
        capture_output=True, text=True, timeout=SECONDS, check=False,
    ).stdout.strip() == "true"
    done = subprocess.run(
        [*(["podman", "unshare"] if rootless else []), "sh", "-c", LISTING, "sh", *names],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False,
    )
    return parsed(done.stdout[:MAX_NAMES].decode("utf-8", "replace").split("\n"))


def _docker(image: str) -> Programs | None:
    # Never pulled, never started: what is to be run need not even be there.
    made = subprocess.run(
        ["docker", "create", "--pull=never", "--network=none", image, "/"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, check=False,
    )
    if made.returncode:
        return None
    container = made.stdout.strip()
    try:
        with subprocess.Popen(
            ["docker", "export", container], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            ending = threading.Timer(SECONDS, process.kill)
            ending.start()
            try:
                assert process.stdout is not None  # noqa: S101 - asked for above
                with tarfile.open(fileobj=process.stdout, mode="r|") as tar:
                    names = frozenset(
                        one.name.rpartition("/")[2] for one in tar
                        if one.issym() or one.islnk() or (one.isfile() and one.mode & 0o111)
                    )
            finally:
                ending.cancel()
                process.kill()
        return names or None
    finally:
        subprocess.run(
            ["docker", "rm", "--force", container], stdin=subprocess.DEVNULL, capture_output=True,
            timeout=SECONDS, check=False,
        )
