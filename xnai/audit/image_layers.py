"""What each layer of an image adds, from a local store's own record; nothing is run or fetched."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

SECONDS = 30
MAX_BYTES = 8 * 1024 * 1024

# Run by sh; its arguments are the engine and the wanted images, all of the store's where none is
# named. Podman prints one list, Docker an object a line.
LISTING = r"""
engine=$1; shift
case ${engine##*/} in docker) form='{{json .}}';; *) form=json;; esac
for image in $("$engine" images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null); do
    case " $* " in "  " | *" $image "*) ;; *) continue;; esac
    said=$("$engine" history --no-trunc --human=false --format "$form" "$image" 2>/dev/null) ||
        continue
    printf 'image\n%s\n' "$image"
    printf '%s\n' "$said" | sed 's/^/ /'
    printf 'end\n'
done
"""


@dataclass(frozen=True)
class ImageLayer:
    """One layer.

    Attributes:
        bytes: what it adds.
        made_by: the instruction that made it.
    """

    bytes: int
    made_by: str


def parsed(lines: Iterable[str]) -> dict[str, tuple[ImageLayer, ...]]:
    """Return what LISTING printed: image -> its layers, the lowest first.

    An image whose record is cut off or cannot be read is left out.
    """
    found = {image: _layers("\n".join(text)) for image, text in blocks(lines)}
    return {image: layers for image, layers in found.items() if layers}


def blocks(lines: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each image that a listing printed, with its lines; one that was cut off is left out.

    A block is `image`, the name, lines that begin with a blank, `end`.
    """
    image, said = "", list[str]()
    rest = iter(lines)
    for line in rest:
        if line == "image":
            image, said = next(rest, ""), []
        elif line == "end":
            yield image, said
        else:
            said.append(line[1:])


def _layers(text: str) -> tuple[ImageLayer, ...]:
    try:
        said = json.loads(text) if text.startswith("[") else [
            json.loads(line) for line in text.split("\n") if line
        ]
        return tuple(_layer(one) for one in reversed(said))
    except (ValueError, TypeError, AttributeError, KeyError):
        return ()


def _layer(one: dict[str, Any]) -> ImageLayer:
    size = one["size"] if "size" in one else one["Size"]
    made_by = str(one.get("CreatedBy") or one.get("createdBy") or "")
    # Both engines put their own words around the instruction: a shell, `#(nop)`, BuildKit's mark.
    words = re.sub(r"^\s*(\|\d+ (\S+=\S* )*)?/bin/sh -c\s*(#\(nop\)\s*)?|# buildkit$", "", made_by)
    return ImageLayer(int(re.sub(r"B$", "", str(size))), " ".join(words.split()))


def asked(engine: str, images: Sequence[str]) -> dict[str, tuple[ImageLayer, ...]]:
    """Return the layers of those images that a local engine's store has.

    Args:
        engine: `podman` or `docker`.
        images: names, as that store may spell them.

    Returns:
        Image -> layers, the lowest first; nothing where the engine does not answer.
    """
    try:
        done = subprocess.run(
            ["sh", "-c", LISTING, "sh", engine, *images],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    return parsed(done.stdout[:MAX_BYTES].decode("utf-8", "replace").split("\n"))
