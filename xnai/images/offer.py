"""An image that exists elsewhere: what its manifest and configuration say, and why it may not do.

Both are read by digest: sha256 over their bytes is what they are known by (OCI image-spec 1.1,
descriptor.md), so what was recorded of an image once is enough to know it again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from xnai.facts.podman import StoreImage
from xnai.images.content import CONTENT_LABEL, PARENT_LABEL, BuildInput
from xnai.images.locks import python_of
from xnai.images.plan import Build, find

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""Machine name of uname(2) -> what an image's configuration calls it (Go's GOARCH)."""
# A manifest or configuration is some KiB; a registry allows 4 MiB (distribution-spec 1.1).
MOST_BYTES = 4 << 20
DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
"""Of a blob, as a manifest writes it."""


class CopyRefused(ValueError):
    """An image that exists elsewhere is not taken; the text says why.

    Attributes:
        lines: what a command that failed had printed by then.
    """

    def __init__(self, why: str, lines: Sequence[str] = ()) -> None:
        """Take the reason, and what was printed."""
        super().__init__(why)
        self.lines = lines


@dataclass(frozen=True)
class Offer:
    """An image that can be had.

    Attributes:
        reference: its name, localhost/<stack>_<name>:<first digits of the content hash>.
        manifest: digest of its manifest, as sha256:...
        id: of the image: its configuration's digest without the algorithm.
        architecture: as the configuration says it, such as amd64.
        python: version that it carries, as 3.13.5; or empty where it does not say so.
        content: the label with its content hash.
        parent: the label with the ID of the image that it was built from.
        layers: digests of its layers, the lowest first.
        sizes: bytes of manifest, configuration and layers, by digest.
    """

    reference: str
    manifest: str
    id: str
    architecture: str
    python: str
    content: str
    parent: str
    layers: tuple[str, ...]
    sizes: Mapping[str, int]

    def text(self) -> str:
        """Return it as JSON, on one line."""
        return json.dumps(asdict(self), sort_keys=True)


def parsed_offer(text: str) -> Offer:
    """Return what `Offer.text` wrote.

    Raises:
        CopyRefused: it is no offer.
    """
    try:
        found = json.loads(text)
        offer = Offer(**(found | {"layers": tuple(found["layers"])}))
        known = {offer.manifest, f"sha256:{offer.id}", *offer.layers}
        whole = all(DIGEST.fullmatch(one) for one in known) and all(
            isinstance(size, int) and size >= 0 for size in offer.sizes.values()
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CopyRefused(f"a record of an image cannot be read: {error}") from None
    if not whole:
        raise CopyRefused("a record of an image has no digest where one should be")
    return offer


def checked(digest: str, data: bytes) -> bytes:
    """Return data whose sha256 is its name.

    Raises:
        CopyRefused: it is not.
    """
    found = f"sha256:{hashlib.sha256(data).hexdigest()}"
    if found != digest:
        raise CopyRefused(
            f"what is there as {digest} is {found}: it was changed or is damaged"
        )
    return data


def described(reference: str, manifest_digest: str, manifest: bytes, configuration: bytes) -> Offer:
    """Return the offer that a manifest and its configuration are.

    Args:
        reference: the name under which it was found.
        manifest_digest: by which the manifest is known.
        manifest: its bytes.
        configuration: bytes of the blob that it calls `config`.

    Raises:
        CopyRefused: a digest is another one, or it is not what an image of ours looks like.
    """
    try:
        says = json.loads(checked(manifest_digest, manifest))
        config = _blob(says["config"])
        layers = [_blob(one) for one in says["layers"]]
        inside = json.loads(checked(config[0], configuration))
        labels: dict[str, str] = inside["config"]["Labels"]
        return Offer(
            reference=reference, manifest=manifest_digest, id=config[0].partition(":")[2],
            architecture=str(inside["architecture"]), python=python_in(inside["config"]),
            content=str(labels[CONTENT_LABEL]), parent=str(labels[PARENT_LABEL]),
            layers=tuple(digest for digest, _ in layers),
            sizes={manifest_digest: len(manifest), **dict([config, *layers])},
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, CopyRefused):
            raise
        raise CopyRefused(f"{reference}: not a manifest and configuration of ours: {error!r}") \
            from None


def python_in(config: Mapping[str, Any]) -> str:
    """Return the Python that an image's variables name, as Python's official images have it.

    Args:
        config: the part of its configuration that is called so.
    """
    environment: Sequence[str] = config.get("Env") or ()
    found = [one.partition("=") for one in environment]
    return next((value for name, _, value in found if name == "PYTHON_VERSION"), "")


def _blob(descriptor: Mapping[str, Any]) -> tuple[str, int]:
    digest, size = descriptor["digest"], descriptor["size"]
    if not isinstance(digest, str) or not DIGEST.fullmatch(digest):
        raise ValueError(f"no sha256 digest: {digest!r}")
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise ValueError(f"no size: {size!r}")
    return digest, size


def misfit(offer: Offer, wanted: BuildInput, architecture: str, base_image: str) -> str:
    """Return why an image does not do, or nothing.

    Args:
        offer: the image.
        wanted: the input that it should have been built from.
        architecture: of the machine that is to run it, as amd64.
        base_image: the setting, whose tag names a Python.
    """
    if offer.architecture != architecture:
        return f"it is for {offer.architecture}, this machine is {architecture}"
    python = python_of(base_image)
    if python and offer.python and not f"{offer.python}.".startswith(f"{python}."):
        return f"it carries Python {offer.python}, base_image is {base_image}"
    if offer.content != wanted.content_hash:
        return "its label names another content than its name"
    return ""


def bases_of(planned: Sequence[Build], images: Sequence[StoreImage]) -> dict[str, str]:
    """Return what each image will be built from: reference -> ID, empty where that is to come.

    Args:
        planned: what is lacking.
        images: of the host.
    """
    to_come = {build.wanted.reference for build in planned}
    found = {}
    for build in planned:
        present = find(images, build.wanted.parent)
        known = present is not None and build.wanted.parent not in to_come
        found[build.wanted.reference] = present.id if present is not None and known else ""
    return found


def takeable(
    planned: Sequence[Build], offers: Mapping[str, Offer], images: Sequence[StoreImage],
    fits: Mapping[str, str],
) -> tuple[list[tuple[Build, Offer]], dict[str, str]]:
    """Return what can be copied, bases first, and why the rest of the offers cannot.

    An image is one with what it was built from: taken beside another base it would be built again
    by the next run.

    Args:
        planned: what would be built, bases first.
        offers: by reference.
        images: of the host.
        fits: reference -> why its offer does not do, or nothing.
    """
    taken: list[tuple[Build, Offer]] = []
    ids: dict[str, str] = {}
    refused: dict[str, str] = {}
    to_come = {build.wanted.reference for build in planned}
    for build in planned:
        reference, parent = build.wanted.reference, build.wanted.parent
        offer = offers.get(reference)
        if offer is None:
            continue
        present = find(images, parent)
        if fits.get(reference):
            refused[reference] = fits[reference]
        elif parent in to_come and ids.get(parent) != offer.parent:
            refused[reference] = f"it was built on another {parent} than is had here"
        elif parent not in to_come and present and present.id != offer.parent:
            refused[reference] = f"it was built on another {parent} than is here"
        else:
            taken.append((build, offer))
            ids[reference] = offer.id
    return taken, refused
