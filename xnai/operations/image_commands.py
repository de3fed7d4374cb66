"""Shell code by which a host gives and takes images, and what it prints."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pyinfra.api.command import StringCommand

from xnai.facts.podman_call import XNAI_PODMAN
from xnai.images.content import CONTENT_LABEL, PARENT_LABEL
from xnai.images.layout import NAME, VERSION, index_text
from xnai.images.offer import DIGEST, CopyRefused, Offer, python_in
from xnai.images.plan import Build
from xnai.operations.guard import one_at_a_time
from xnai.operations.network import Network
from xnai.remote import content
from xnai.remote.limit import FETCH_LIMIT_S, Limited

_TEMPORARY = "/var/tmp/xnai-images-"  # noqa: S108  # what is made there is the stack user's alone
_HAS = "has"


@dataclass(frozen=True)
class Exported:
    """A layout that a host's Podman has written.

    Attributes:
        manifests: reference -> digest.
        sizes: bytes of each blob, by digest.
    """

    manifests: Mapping[str, str]
    sizes: Mapping[str, int]


def export_directory(run: str) -> str:
    """Return where `export` writes on the host: below /var/tmp, the stack user's alone.

    Args:
        run: letters and digits; other runs have others.
    """
    return f"{_TEMPORARY}{run}"


def export(user: str, references: Sequence[str], directory: str) -> Limited:
    """Return the command that writes images into a new layout of the stack's user.

    Layers stay as they are: so their digests are those that the other host's Podman knows its own
    layers by, and what is there already need not be sent.

    Args:
        user: the stack's.
        references: of images that are there.
        directory: of `export_directory`; `forget` removes it.
    """
    code = (
        f"find /var/tmp -maxdepth 1 -user {shlex.quote(user)} -name 'xnai-images-*' -mmin +600 "
        f"-exec rm -rf {{}} + ; mkdir -m 0700 {directory}"
    )
    shows = (
        f'cd {directory} && tr -d "\\n" < index.json && echo && '
        "find blobs/sha256 -type f -printf '%s %f\\n'"
    )
    as_user = f"runuser -u {shlex.quote(user)} --"
    saves = f"{XNAI_PODMAN} save --quiet --format oci-dir --uncompressed --output {directory}"
    return Limited(
        f"cd / && {as_user} sh -c {shlex.quote(code)} && for r in {shlex.join(references)}; do "
        f'{saves} "$r" >&2 || exit 1; done && {as_user} sh -c {shlex.quote(shows)}',
        limit_s=FETCH_LIMIT_S,
    )


def exported(lines: Sequence[str]) -> Exported:
    """Return what `export` printed.

    Raises:
        CopyRefused: it is something else.
    """
    try:
        index, *files = lines
        manifests = {
            one["annotations"][NAME]: str(one["digest"])
            for one in json.loads(index)["manifests"]
        }
        sizes = {
            f"sha256:{name}": int(size) for size, name in (line.split(" ") for line in files)
        }
    except (ValueError, TypeError, KeyError) as error:
        raise CopyRefused(f"its Podman wrote no layout that can be read: {error!r}") from None
    return Exported(manifests, sizes)


def forget(user: str, directory: str) -> str:
    """Return the command that removes what `export` wrote."""
    return f"cd / && runuser -u {shlex.quote(user)} -- rm -rf {shlex.quote(directory)}"


LAYERS = (
    f"i=$({XNAI_PODMAN} images --quiet --no-trunc | sort -u) && {{ [ -z \"$i\" ] || "
    f"{XNAI_PODMAN} image inspect --format "
    "'{{range .RootFS.Layers}}{{println .}}{{end}}' $i; }"
)
"""Prints the digests of all layers that a host's images have."""


def prepare(directory: str) -> str:
    """Return the command that makes an empty layout of root's, which everybody may read."""
    here = shlex.quote(directory)
    return (
        f"umask 022; rm -rf {here} && mkdir -p {here}/blobs/sha256 && "
        f"printf '%s\\n' {shlex.quote(VERSION)} > {here}/oci-layout"
    )


def index(directory: str, offers: Sequence[Offer]) -> Limited:
    """Return the command that names the images in a layout of root's."""
    return content.put(f"{directory}/index.json", index_text(offers).encode(), "0644")


def load(directory: str, taken: Sequence[tuple[Build, Offer]]) -> Limited:
    """Return the command that takes images out of a layout; `arrived` reads what it prints.

    Args:
        directory: the layout on the host; removed at the end, whatever that is.
        taken: the images, bases first.
    """
    takes = " && ".join(
        _one(build, offer, f"oci:{directory}:{offer.reference}") for build, offer in taken
    )
    code = f"trap 'rm -rf {shlex.quote(directory)}' EXIT; {takes}"
    return Limited(one_at_a_time(code), limit_s=FETCH_LIMIT_S)


def _one(build: Build, offer: Offer, source: str, words: str = "") -> str:
    """Shell code that pulls one image, and believes it by its ID alone."""
    reference = shlex.quote(offer.reference)
    old = build.replaces
    keeps = f"{XNAI_PODMAN} tag {old} {shlex.quote(f'{offer.reference}-{old[:8]}')} && " \
        if old else ""
    other = shlex.quote(f"{offer.reference}: what came has another ID than {offer.id}")
    # The name goes back to what had it; else the build would take what came for another run's.
    back = f"{XNAI_PODMAN} untag \"$i\" {reference} >&2; " + (
        f"{XNAI_PODMAN} tag {old} {reference} >&2; " if old else ""
    )
    return (
        f"{keeps}i=$({XNAI_PODMAN} pull --quiet {words}{shlex.quote(source)}) && "
        f"{{ [ \"$i\" = {offer.id} ] || {{ echo {other} >&2; {back}false; }}; }} && "
        f"{XNAI_PODMAN} tag {offer.id} {reference} && echo {_HAS} {reference}"
    )


def arrived(lines: Sequence[str]) -> set[str]:
    """Return the references that `load` or `pull` said are there."""
    return {
        words[1] for line in lines if len(words := line.split(" ")) == 2 and words[0] == _HAS
    }


def in_registry(source: str, reference: str, architecture: str) -> str:
    """Return the name of an image in a registry.

    Args:
        source: as image_source names it.
        reference: localhost/<stack>_<name>:<hash>.
        architecture: which is part of the tag: one tag is one image.
    """
    place = source.partition("://")[2]
    return f"{place}/{reference.partition('/')[2]}-{architecture}"


def _without_tls(source: str) -> str:
    return "--tls-verify=false " if source.startswith("docker+http:") else ""


def push(
    user: str, source: str, references: Sequence[str], architecture: str, network: Network
) -> Iterator[StringCommand | str]:
    """Return the commands that bring images to a registry; the last one prints `pushed`'s lines.

    Args:
        user: the stack's.
        source: the registry, as image_source names it.
        references: of images that are there.
        architecture: of the host.
        network: how it reaches the registry.
    """
    yield from network.send()
    words = _without_tls(source) + "".join(f"{word} " for word in network.pull_words)
    as_user = f"runuser -u {shlex.quote(user)} --"
    each = " && ".join(
        f"{XNAI_PODMAN} push --quiet {words}--digestfile \"$f\" {shlex.quote(reference)} "
        f"docker://{in_registry(source, reference, architecture)} >&2 && "
        f"{as_user} cat \"$f\" && echo && "
        f"{XNAI_PODMAN} image inspect {shlex.quote(reference)} | tr -d '\\n' && echo"
        for reference in references
    )
    yield Limited(
        one_at_a_time(network.around(
            f"cd / && f=$({as_user} mktemp {_TEMPORARY}XXXXXXXX) && {{ {each}; }}; e=$?; "
            f'{as_user} rm -f "$f"; exit $e'
        )),
        limit_s=FETCH_LIMIT_S,
    )


def pushed(references: Sequence[str], lines: Sequence[str]) -> list[Offer]:
    """Return what `push` printed: of each image a digest, and what Podman says of it.

    Raises:
        CopyRefused: it is something else.
    """
    try:
        said = [line for line in lines if line.strip()]
        pairs = list(zip(references, said[::2], said[1::2], strict=True))
        return [_inspected(reference, digest, text) for reference, digest, text in pairs]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise CopyRefused(f"its Podman did not say what it has sent: {error!r}") from None


def _inspected(reference: str, digest: str, text: str) -> Offer:
    (image,) = json.loads(text)
    labels: Mapping[str, str] = image["Labels"]
    for one in (digest, f"sha256:{image['Id']}"):
        if not DIGEST.fullmatch(one):
            raise ValueError(f"no digest: {one!r}")
    return Offer(
        reference=reference, manifest=digest, id=image["Id"],
        architecture=str(image["Architecture"]), python=python_in(image["Config"]),
        content=str(labels[CONTENT_LABEL]), parent=str(labels[PARENT_LABEL]),
        layers=tuple(image["RootFS"]["Layers"]), sizes={},
    )


def pull(
    source: str, taken: Sequence[tuple[Build, Offer]], network: Network
) -> Iterator[StringCommand | str]:
    """Return the commands that take images from a registry by digest; see `arrived`.

    Args:
        source: the registry, as image_source names it.
        taken: the images, bases first.
        network: how the host reaches the registry.
    """
    yield from network.send()
    words = _without_tls(source) + "".join(f"{word} " for word in network.pull_words)
    takes = []
    for build, offer in taken:
        name = in_registry(source, offer.reference, offer.architecture).rpartition(":")[0]
        place = f"{name}@{offer.manifest}"
        takes.append(
            # Without the registry's name an image is taken away like any other of ours.
            f"{_one(build, offer, place, words)} && {XNAI_PODMAN} untag {offer.id} {place}"
        )
    yield Limited(one_at_a_time(network.around(" && ".join(takes))), limit_s=FETCH_LIMIT_S)
