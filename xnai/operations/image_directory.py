"""A directory of the controller from which images are copied, and through which they pass."""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path

from pyinfra.api.host import Host

from xnai.images.layout import Layout, configuration_of
from xnai.images.offer import CopyRefused, Offer, described
from xnai.images.plan import Build
from xnai.operations import image_commands
from xnai.operations.image_source import (
    Offered,
    architecture_of,
    arrived_on,
    not_taken,
    recorded,
    run_on,
    told,
)
from xnai.remote import blobs
from xnai.run import image_record, user_directories
from xnai.run.context import current
from xnai.run.image_record import ImageRecord
from xnai.stack.paths import build_directory

# Manifests and configurations are smaller; a small layer among them does no harm.
_SMALL_BYTES = 256 << 10
_LEFT_S = 86400


class DirectorySource:
    """An OCI image layout on the controller, through which images pass from host to host."""

    def __init__(self, layout: Layout, record: ImageRecord, name: str, lasting: bool) -> None:
        """Take the layout.

        Args:
            layout: the directory.
            record: which images in it are believed.
            name: for people.
            lasting: whether it is there after the run.
        """
        self.name = name
        self.lasting = lasting
        self._layout = layout
        self._record = record
        self._one_at_a_time = threading.Lock()

    def offers(self, references: Sequence[str], architecture: str) -> Offered:
        """Return what is recorded and there; a name alone is no reason to believe it."""
        found, refused = recorded(self._record, references, architecture)
        for reference, offer in list(found.items()):
            if not all(self._layout.has(digest, size) for digest, size in offer.sizes.items()):
                refused[reference] = f"{self._layout.directory} has not all of its parts any more"
                del found[reference]
        for reference in self._layout.names().keys() - found.keys() - refused.keys():
            if reference in references:
                refused[reference] = (
                    f"{self._layout.directory} has one of this name, but this controller has not "
                    f"seen it built: nothing in {image_record.file()} says its digest"
                )
        return found, refused

    def bring(self, holder: Host, references: Sequence[str], over: bool = False) -> None:
        """Let the holder's Podman write a layout, and fetch what is not here yet."""
        with self._one_at_a_time:
            there, _ = self.offers(references, architecture_of(holder))
            wanted = [one for one in references if over or one not in there]
            if not wanted:
                return
            self._layout.prepare()
            offers = self._fetched(holder, wanted)
            self._layout.index(offers)
            for old in self._record.keep(offers):
                self._layout.remove(old, self._record.all())

    def _fetched(self, holder: Host, wanted: Sequence[str]) -> list[Offer]:
        """What the holder has of these names; their parts are here then, nothing is left there."""
        user = current(holder).stack_user
        # Of this side's choosing, so that it can be removed whatever came of the command.
        directory = image_commands.export_directory(secrets.token_hex(8))
        try:
            written = image_commands.exported(
                run_on(holder, image_commands.export(user, wanted, directory))
            )
            small = {d: s for d, s in written.sizes.items() if s <= _SMALL_BYTES}
            self._fetch(holder, user, directory, small)
            offers = [self._described(one, written.manifests) for one in wanted]
            needed = {d: s for one in offers for d, s in one.sizes.items()}
            self._fetch(holder, user, directory, needed)
        except CopyRefused:
            raise
        except ValueError as error:
            raise CopyRefused(f"{holder.name}: {error}") from None
        finally:
            with suppress(CopyRefused):
                run_on(holder, image_commands.forget(user, directory))
        return offers

    def _described(self, reference: str, manifests: Mapping[str, str]) -> Offer:
        digest = manifests.get(reference, "")
        manifest = self._layout.small(digest)
        configuration = self._layout.small(configuration_of(manifest))
        return described(reference, digest, manifest, configuration)

    def _fetch(
        self, holder: Host, user: str, directory: str, sizes: Mapping[str, int]
    ) -> None:
        missing = {d: s for d, s in sizes.items() if not self._layout.has(d, s)}

        def segments() -> Iterator[tuple[str, bytes]]:
            for piece in told(holder, missing, f"to {self.name}"):
                lines = run_on(holder, blobs.get(user, directory, piece))
                for segment, data in zip(piece, blobs.got(piece, lines), strict=True):
                    yield segment.digest, data

        for digest, pieces in groupby(segments(), key=lambda one: one[0]):
            self._layout.add(digest, (data for _, data in pieces))

    def install(self, host: Host, taken: Sequence[tuple[Build, Offer]]) -> set[str]:
        """Send what the host's Podman has not, and let it read the layout there."""
        directory = f"{build_directory(current(host))}/copies"
        there = set(run_on(host, image_commands.LAYERS))
        taken = self._whole(host, taken, there)
        offers = [offer for _, offer in taken]
        sizes = {
            digest: size for offer in offers for digest, size in offer.sizes.items()
            if digest not in there
        }
        try:
            run_on(host, image_commands.prepare(directory))
            for piece in told(host, sizes, f"from {self.name}"):
                contents = [self._layout.read(one.digest, one.offset, one.length) for one in piece]
                run_on(host, blobs.put(directory, piece, contents))
            run_on(host, image_commands.index(directory, offers))
            return arrived_on(host, image_commands.load(directory, taken))
        except CopyRefused:
            # A build may need the room.
            with suppress(CopyRefused):
                run_on(host, f"rm -rf {directory}")
            raise

    def _whole(
        self, host: Host, taken: Sequence[tuple[Build, Offer]], there: set[str]
    ) -> list[tuple[Build, Offer]]:
        """The images whose blobs are what they should be; the others are told by name."""
        found, bad = [], set[str]()
        for build, offer in taken:
            try:
                if build.wanted.parent in bad:
                    raise CopyRefused(f"its base {build.wanted.parent} is not taken")
                for digest in offer.sizes.keys() - there:
                    self._layout.check(digest)
                found.append((build, offer))
            except CopyRefused as refused:
                bad.add(offer.reference)
                host.log(not_taken(offer.reference, str(refused)))
        if not found:
            raise CopyRefused("no image is left to copy")
        return found


def temporary() -> Path:
    """Return a directory of this run's, not made yet; at its end it goes, and old ones go now."""
    above = user_directories.cache()
    with suppress(OSError):
        for left in above.glob("images-*"):  # by a run that was killed
            if time.time() - left.stat().st_mtime > _LEFT_S:
                shutil.rmtree(left, ignore_errors=True)
    path = above / f"images-{os.getpid()}-{secrets.token_hex(4)}"
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path
