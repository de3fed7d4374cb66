"""From the images that should be and those that are: what to pull, build and remove, and why."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xnai.facts.podman import StoreImage
from xnai.images.content import (
    CONTENT_LABEL,
    INPUTS_LABEL,
    PARENT_LABEL,
    STACK_LABEL,
    BuildInput,
)

# Digits of a hash that the label of inputs keeps: enough to tell two apart.
_DIGITS = 12


@dataclass(frozen=True)
class Build:
    """An image to build.

    Attributes:
        wanted: its input.
        reason: what differs, in words.
        replaces: ID of the image that has its name now, or empty.
    """

    wanted: BuildInput
    reason: str
    replaces: str = ""


def inputs_label(wanted: BuildInput) -> str:
    """Return the value of the label that lists an image's inputs with their hashes."""
    return ",".join(
        f"{name}={hashlib.sha256(value.encode()).hexdigest()[:_DIGITS]}"
        for name, value in sorted(wanted.inputs.items())
    )


def find(images: Sequence[StoreImage], reference: str) -> StoreImage | None:
    """Return the image that a fully qualified reference names, by digest where it has one."""
    name, _, digest = reference.partition("@")
    for image in images:
        if digest in image.digests if digest else name in image.names:
            return image
    return None


def builds(wanted: Sequence[BuildInput], images: Sequence[StoreImage]) -> list[Build]:
    """Return what must be built, bases first.

    An image is current if its content hash matches, and its parent label is the ID of the image
    that the parent's name means now: the same tag may have been pulled again.
    """
    found: list[Build] = []
    for item in wanted:
        present = find(images, item.reference)
        if present is None or present.labels.get(CONTENT_LABEL) != item.content_hash:
            found.append(Build(item, _difference(item, images), present.id if present else ""))
            continue
        parent = find(images, item.parent)
        rebuilt = any(build.wanted.reference == item.parent for build in found)
        if rebuilt or (parent and present.labels.get(PARENT_LABEL) != parent.id):
            found.append(Build(item, f"{item.parent} was replaced", present.id))
    return found


def levels(planned: Sequence[Build]) -> list[list[Build]]:
    """Return the builds in groups: those of one group need only those of groups before it.

    In a group what takes least begins: a page that MkDocs refuses is told in the first minute.
    """
    depths: dict[str, int] = {}
    for build in planned:
        needs = (build.wanted.parent, build.wanted.tools)
        depths[build.wanted.reference] = 1 + max(depths.get(need, -1) for need in needs)
    return [
        sorted(
            (build for build in planned if depths[build.wanted.reference] == depth),
            key=lambda build: build.wanted.image.packages_apart,
        )
        for depth in sorted(set(depths.values()))
    ]


def _repository(wanted: BuildInput) -> str:
    return wanted.reference.rpartition(":")[0]


def _of_repository(images: Sequence[StoreImage], repository: str) -> list[StoreImage]:
    """The images of one repository, the newest first."""
    return sorted(
        (i for i in images if any(n.rpartition(":")[0] == repository for n in i.names)),
        key=lambda image: image.created_s, reverse=True,
    )


def _difference(item: BuildInput, images: Sequence[StoreImage]) -> str:
    """What differs from the newest image of the same name."""
    earlier = _of_repository(images, _repository(item))
    if not earlier:
        return "absent"
    before = dict(
        part.partition("=")[::2]
        for part in earlier[0].labels.get(INPUTS_LABEL, "").split(",") if part
    )
    now = dict(part.partition("=")[::2] for part in inputs_label(item).split(","))
    names = sorted(name for name in now.keys() | before.keys() if now.get(name) != before.get(name))
    return f"{' and '.join(names)} changed" if names else "no image with this content"


def previous_name(stack_name: str, name: str) -> str:
    """Return the second name of the image that a service ran on before."""
    return f"localhost/{stack_name}_{name}:previous"


def prunable(
    wanted: Sequence[BuildInput],
    images: Sequence[StoreImage],
    stack_name: str,
    replaced: Mapping[str, str],
) -> list[str]:
    """Return the names of the stack's images that no generation needs, for removal.

    Kept are the wanted images, images in use, the one tagged `previous` of each service (it is
    tagged again when this run replaces a container), and all their parents. Only names that this
    project gives to images with its label are returned.

    Args:
        wanted: this generation's input.
        images: of the store, before this run changes it.
        stack_name: whose.
        replaced: image's short name -> ID, of those that a container leaves in this run.
    """
    ours = re.compile(
        rf"localhost/{stack_name}_([a-z0-9_]+):(?:[0-9a-f]{{16}}(?:-[0-9a-f]{{8}})?|previous)"
    )
    kept = {i.id for item in wanted if (i := find(images, item.reference))} | set(replaced.values())
    for image in images:
        found = {name: match[1] for name in image.names if (match := ours.fullmatch(name))}
        stays = any(
            full == previous_name(stack_name, short) and short not in replaced
            for full, short in found.items()
        )
        # What has a name of somebody else's is somebody else's, whatever labels it inherited.
        if image.containers or stays or len(found) < len(image.names):
            kept.add(image.id)
    parents = {image.id: image.labels.get(PARENT_LABEL, "") for image in images}
    more = set(kept)
    while more := {parents[id_] for id_ in more if parents.get(id_)} - kept:
        kept |= more
    return sorted(
        name
        for image in images
        if image.id not in kept and image.labels.get(STACK_LABEL) == stack_name
        for name in image.names
        # It moves to another image in this run.
        if not name.endswith(":previous")
    )
