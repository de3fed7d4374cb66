"""Images in a directory of the controller: an OCI image layout (image-spec 1.1, image-layout.md).

Every blob has its digest for a name, so images share their layers, and Podman, skopeo and others
can read the directory. What is in it is believed by digest alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from xnai.images.offer import DIGEST, MOST_BYTES, CopyRefused, Offer, checked

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
NAME = "org.opencontainers.image.ref.name"
"""The annotation in an index that names an image."""
VERSION = '{"imageLayoutVersion": "1.0.0"}'
"""What the file oci-layout says, on a line."""
_READ_BYTES = 1 << 20
_LEFT_S = 86400


def _entry(offer: Offer) -> dict[str, object]:
    return {
        "mediaType": _MANIFEST, "digest": offer.manifest, "size": offer.sizes[offer.manifest],
        "platform": {"architecture": offer.architecture, "os": "linux"},
        "annotations": {NAME: offer.reference},
    }


def _text(entries: Iterable[object]) -> str:
    return json.dumps({"schemaVersion": 2, "manifests": [*entries]}, indent=1) + "\n"


def index_text(offers: Iterable[Offer]) -> str:
    """Return an index of images, as index.json holds it."""
    return _text(map(_entry, offers))


def configuration_of(manifest: bytes) -> str:
    """Return the digest of the configuration that a manifest names.

    Raises:
        CopyRefused: it names none.
    """
    try:
        return str(json.loads(manifest)["config"]["digest"])
    except (ValueError, TypeError, KeyError) as error:
        raise CopyRefused(f"not a manifest of an image: {error!r}") from None


class Layout:
    """One such directory."""

    def __init__(self, directory: Path) -> None:
        """Take the directory; it is made when something is put into it.

        Args:
            directory: absolute.
        """
        self.directory = directory

    def prepare(self) -> None:
        """Make the directory where it is missing.

        Raises:
            CopyRefused: it cannot be made or written, or others may write it.
        """
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = self.directory.stat()
            if found.st_uid not in (os.getuid(), 0) or stat.S_IMODE(found.st_mode) & 0o022:
                raise CopyRefused(
                    f"{self.directory}: others may write it (owner {found.st_uid}, mode "
                    f"{stat.S_IMODE(found.st_mode):04o}): chmod go-w {self.directory}, or name "
                    "another directory in image_source"
                )
            blobs = self.directory / "blobs/sha256"
            blobs.mkdir(parents=True, exist_ok=True)
            for left in blobs.glob(".*"):  # by a run that was killed
                if time.time() - left.stat().st_mtime > _LEFT_S:
                    left.unlink()
            self._write("oci-layout", f"{VERSION}\n".encode())
        except OSError as error:
            raise CopyRefused(
                f"{self.directory}: {error.strerror}: image_source names a directory of yours on "
                "the controller"
            ) from None

    def path(self, digest: str) -> Path:
        """Return where a blob is; it may be missing.

        Raises:
            CopyRefused: it is no digest, and nothing that may become part of a path.
        """
        if not DIGEST.fullmatch(digest):
            raise CopyRefused(f"no sha256 digest: {digest!r}")
        return self.directory / "blobs" / digest.replace(":", "/")

    def has(self, digest: str, size: int) -> bool:
        """Whether a blob is there, by its size; its content is checked when it is read."""
        with suppress(OSError):
            return self.path(digest).stat().st_size == size
        return False

    def small(self, digest: str) -> bytes:
        """Return a manifest or a configuration.

        Raises:
            CopyRefused: it is missing, not what its name says, or far too large for one.
        """
        try:
            with self.path(digest).open("rb") as blob:
                return checked(digest, blob.read(MOST_BYTES))
        except OSError as error:
            raise CopyRefused(f"{self.path(digest)}: {error.strerror}") from None

    def check(self, digest: str) -> None:
        """Read a blob through once; one that is not what its name says is removed.

        Raises:
            CopyRefused: it is missing, or was removed.
        """
        total = hashlib.sha256()
        try:
            with self.path(digest).open("rb") as blob:
                while data := blob.read(_READ_BYTES):
                    total.update(data)
                    time.sleep(0)  # lets the other hosts' commands go on
        except OSError as error:
            raise CopyRefused(f"{self.path(digest)}: {error.strerror}") from None
        if f"sha256:{total.hexdigest()}" != digest:
            self.path(digest).unlink(missing_ok=True)
            raise CopyRefused(
                f"{self.path(digest)} was changed or is damaged (its sha256 is "
                f"{total.hexdigest()}), and was removed"
            )

    def read(self, digest: str, offset: int, length: int) -> bytes:
        """Return a piece of a blob that `check` has read.

        Raises:
            CopyRefused: it is gone.
        """
        try:
            with self.path(digest).open("rb") as blob:
                blob.seek(offset)
                return blob.read(length)
        except OSError as error:
            raise CopyRefused(f"{self.path(digest)}: {error.strerror}") from None

    def add(self, digest: str, pieces: Iterable[bytes]) -> None:
        """Write a blob, under its name once it is whole.

        Args:
            digest: its name.
            pieces: its bytes, in order.

        Raises:
            CopyRefused: the pieces are something else.
        """
        target = self.path(digest)
        # Two runs at once write the same bytes, each to a file of its own.
        partial = target.with_name(f".{target.name}.{os.getpid()}")
        total = hashlib.sha256()
        try:
            with partial.open("wb") as blob:
                for piece in pieces:
                    total.update(piece)
                    blob.write(piece)
            if f"sha256:{total.hexdigest()}" != digest:
                raise CopyRefused(f"what was sent as {digest} has another sha256")
            partial.replace(target)
        except OSError as error:
            raise CopyRefused(f"{target}: {error.strerror}") from None
        finally:
            partial.unlink(missing_ok=True)

    def names(self) -> dict[str, str]:
        """Return the images that the index names: reference -> digest; none where it has none."""
        return {name: one["digest"] for name, _, one in self._entries() if name}

    def _entries(self) -> list[tuple[str, str, dict[str, Any]]]:
        """What the index has: name and architecture, empty where it does not say so; and all."""
        with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            entries = json.loads((self.directory / "index.json").read_bytes())["manifests"]
            return [
                (
                    str(one.get("annotations", {}).get(NAME, "")),
                    str(one.get("platform", {}).get("architecture", "")),
                    {**one, "digest": str(one["digest"]), "size": int(one["size"])},
                )
                for one in entries
            ]
        return []

    def index(self, offers: Iterable[Offer]) -> None:
        """Write the index: these images, and what others have written into it.

        Args:
            offers: whose blobs are there.

        Raises:
            CopyRefused: it cannot be written.
        """
        ours = {(one.reference, one.architecture): _entry(one) for one in offers}
        others = [
            one for name, architecture, one in self._entries()
            if (name, architecture) not in ours and self.has(one["digest"], one["size"])
        ]
        try:
            self._write("index.json", _text([*others, *ours.values()]).encode())
        except OSError as error:
            raise CopyRefused(f"{self.directory / 'index.json'}: {error.strerror}") from None

    def remove(self, offer: Offer, kept: Iterable[Offer]) -> None:
        """Remove an image's blobs that no other needs, also none that somebody else put there.

        Args:
            offer: the image.
            kept: the others of ours.
        """
        needed = {digest for one in kept for digest in one.sizes}
        for _, _, entry in self._entries():
            if entry["digest"] != offer.manifest:
                try:
                    says = json.loads(self.small(entry["digest"]))
                    blobs = [says["config"], *says["layers"], entry]
                    needed |= {str(one["digest"]) for one in blobs}
                except (CopyRefused, ValueError, TypeError, KeyError):
                    return  # what it needs cannot be told
        for digest in offer.sizes.keys() - needed:
            with suppress(OSError):
                self.path(digest).unlink()

    def _write(self, name: str, data: bytes) -> None:
        target = self.directory / name
        with suppress(OSError):
            if target.read_bytes() == data:
                return
        partial = target.with_name(f".{name}.{os.getpid()}")
        partial.write_bytes(data)
        partial.replace(target)
