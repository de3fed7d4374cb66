"""What this controller has seen of images that it copied: for each source, by name and machine.

An image at a source is taken only if it is the one that this controller has copied there: by the
digest of its manifest, which says the digests of all the rest.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from xnai.images.offer import CopyRefused, Offer, parsed_offer
from xnai.run import user_directories

KEPT = 8
"""Of each image of each architecture: generations, and variants for hosts with other settings."""


def file() -> Path:
    """Return where they are kept: `$XDG_STATE_HOME/xnai/images.json` or its default."""
    return user_directories.state() / "images.json"


class ImageRecord:
    """The offers of one source."""

    def __init__(self, source: str, path: Path | None) -> None:
        """Take the source.

        Args:
            source: as image_source names it.
            path: of the file that keeps them; None: they are forgotten with this run.
        """
        self._source = source
        self._path = path
        self._here: list[Offer] = []

    def all(self) -> list[Offer]:
        """Return all of them, the newest last.

        Raises:
            CopyRefused: the file is damaged.
        """
        if self._path is None:
            return list(self._here)
        texts = self._read(self._path).get(self._source, [])
        return [parsed_offer(json.dumps(one)) for one in texts]

    def of(self, reference: str) -> dict[str, Offer]:
        """Return what there is of one name, by architecture."""
        return self.by_name().get(reference, {})

    def by_name(self) -> dict[str, dict[str, Offer]]:
        """Return what there is, by name and architecture."""
        found: dict[str, dict[str, Offer]] = {}
        for one in self.all():
            found.setdefault(one.reference, {})[one.architecture] = one
        return found

    def keep(self, offers: Iterable[Offer]) -> list[Offer]:
        """Add offers, or replace them.

        Args:
            offers: whose blobs are there by now.

        Returns:
            Those that were forgotten, since there are newer ones of the same image.

        Raises:
            CopyRefused: the file cannot be read or written.
        """
        try:
            with self._alone():
                return self._keep(offers)
        except OSError as error:
            raise CopyRefused(f"{self._path}: {error.strerror}") from None

    def forget(self, references: Collection[str], architecture: str) -> None:
        """Take offers back that did not do when they were wanted.

        Args:
            references: their names.
            architecture: for which.
        """
        with suppress(OSError), self._alone():
            self._store([
                one for one in self.all()
                if one.reference not in references or one.architecture != architecture
            ])

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """While no other run of this user's changes the file."""
        if self._path is None:
            yield
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _keep(self, offers: Iterable[Offer]) -> list[Offer]:
        new = {(one.reference, one.architecture): one for one in offers}
        found = [one for one in self.all() if (one.reference, one.architecture) not in new]
        found += new.values()
        kept: list[Offer] = []
        counts: dict[tuple[str, str], int] = {}
        for one in reversed(found):
            image = (one.reference.rpartition(":")[0], one.architecture)
            counts[image] = counts.get(image, 0) + 1
            if counts[image] <= KEPT:
                kept.insert(0, one)
        self._store(kept)
        return [one for one in found if one not in kept]

    def _store(self, kept: list[Offer]) -> None:
        if self._path is None:
            self._here = kept
        else:
            self._write(self._path, [json.loads(one.text()) for one in kept])

    @staticmethod
    def _read(path: Path) -> Mapping[str, list[object]]:
        try:
            found = json.loads(path.read_text("utf-8"))
            if isinstance(found, dict) and all(isinstance(one, list) for one in found.values()):
                return found
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise CopyRefused(
                f"{path} cannot be read: {error}. It says which images may be copied: put it "
                "back, or move it away; images are then built and recorded anew"
            ) from None
        raise CopyRefused(
            f"{path} is not what xnai writes: put it back, or move it away; images are then "
            "built and recorded anew"
        )

    def _write(self, path: Path, offers: list[object]) -> None:
        text = json.dumps({**self._read(path), self._source: offers}, indent=1) + "\n"
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        with suppress(OSError):
            partial.unlink()
        # What it says is believed: nobody else writes it.
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(text)
        partial.replace(path)
