"""Tables about Dockerfiles: practices, deviations from the base, layers."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator

from xnai.audit.dockerfile import Dockerfile
from xnai.audit.model import Table
from xnai.audit.own_images import line_of_bases, own_images, repository, stood_on_by
from xnai.audit.reading import shown
from xnai.audit.rules.docker_uid_drift import uid
from xnai.audit.tree import Tree


def docker_tables(tree: Tree, command: str) -> Iterator[Table]:
    """Yield the tables about Dockerfiles."""
    files = sorted(tree.dockerfiles, key=lambda one: (not _is_base(tree, one), one.path))
    if not files:
        return
    rows = tuple(
        (name, *(_WORDS[holds(one)] for one in files)) for name, holds in _PRACTICES.items()
    )
    yield Table("Dockerfiles by practice, the base first", command,
                ("practice", *(shown(one.path) for one in files)), rows)
    yield Table("Deviations from the base", command,
                ("Dockerfile", "what", "here", "base", "base's Dockerfile"),
                tuple(_deviations(tree, files)))
    yield Table("Layers", command, ("Dockerfile", "layers", "RUN", "COPY and ADD", "of its bases"),
                tuple(_layers(tree, one) for one in files))
    if tree.options.images.where:
        yield Table("What each layer adds", f"{command} (podman history)",
                    ("Dockerfile", "image", "layer", "MiB", "made by"),
                    tuple(_sizes(tree, files)))


def _is_base(tree: Tree, file: Dockerfile) -> bool:
    return file.path.endswith(".base") or bool(stood_on_by(tree, file))


def _runs(file: Dockerfile) -> str:
    return "\n".join(run.text for stage in file.stages for run in stage.all("RUN"))


_PRACTICES: dict[str, Callable[[Dockerfile], bool | None]] = {
    "base by tag or digest": lambda file: all(
        ":" in stage.base.rpartition("/")[2] or "@" in stage.base or stage.base == "scratch"
        or file.stage(stage.base) is not None for stage in file.stages
    ),
    "fully qualified base": lambda file: (
        "." in file.root_image().partition("/")[0]
        or file.root_image().startswith(("localhost/", "scratch"))
    ),
    "several stages": lambda file: len(file.stages) > 1,
    "cache mounts": lambda file: (
        any("type=cache" in value for stage in file.stages for run in stage.all("RUN")
            for value in run.flags.get("mount", ()))
        if re.search(r"\b(pip|apt-get|npm|yarn|apk|cargo|go)\b", _runs(file)) else None
    ),
    "locked with hashes": lambda file: (
        "--require-hashes" in _runs(file) or "--frozen" in _runs(file)
        or "--locked" in _runs(file) if "pip install" in _runs(file) or "uv sync" in _runs(file)
        else None
    ),
    "user other than root": lambda file: any(
        stage.all("USER") and stage.all("USER")[-1].text.partition(":")[0] not in {"root", "0"}
        for stage in file.lineage(file.last)
    ),
    "no package lists left": lambda file: (
        "/var/lib/apt/lists" in _runs(file) or "type=cache" in str(file.stages)
        if "apt-get install" in _runs(file) else None
    ),
    "labels": lambda file: bool(file.last.all("LABEL")),
    "health check": lambda file: bool(file.last.all("HEALTHCHECK")),
    "volume": lambda file: bool(file.last.all("VOLUME")),
}
_MIB = 1024 * 1024
_WIDTH = 100
_WORDS = {True: "yes", False: "no", None: "—"}


def _facts(file: Dockerfile) -> dict[str, str]:
    """What images of one stack should agree on, as far as this file says it."""
    text = "\n".join(file.lines)
    found = {}
    if match := re.search(r"(?:^|/)python:(3\.\d+)", file.root_image()):
        found["Python"] = match[1]
    if user := uid(file):
        found["UID"] = str(user[0])
    if match := re.search(r"\buv==([\d.]+)|astral-sh/uv:([\d.]+)", text):
        found["uv"] = match[1] or match[2]
    for stage in file.lineage(file.last):
        for one in stage.all("ENV"):
            for name, value in re.findall(r"([A-Z_][A-Z0-9_]*)[= ]\"?([^\s\"]+)", one.text):
                found.setdefault(f"ENV {name}", value)
        for one in stage.all("LABEL"):
            for name, value in re.findall(r"([\w.-]+)=\"?([^\s\"]+)", one.text):
                found.setdefault(f"LABEL {name}", value)
    for stage in file.stages:
        for run in stage.all("RUN"):
            for mount in run.flags.get("mount", ()):
                target = re.search(r"(?:target|dst|destination)=([^,\s]+)", mount)
                name = re.search(r"\bid=([^,\s]+)", mount)
                if "type=cache" in mount and target:
                    found.setdefault(f"cache of {target[1]}", f"id={name[1]}" if name else "no id")
    return found


def _deviations(tree: Tree, files: list[Dockerfile]) -> Iterator[tuple[str, ...]]:
    """Where a file says something else than the base that all are to share."""
    bases = [one for one in files if _is_base(tree, one)]
    if not bases:
        return
    for file in files:
        base = next((one for one in bases if file in stood_on_by(tree, one)), bases[0])
        if file is base or file in bases:
            continue
        there = _facts(base)
        for name, value in _facts(file).items():
            # A variable or a label of its own is no deviation; another value of the base's is.
            if name in there and there[name] != value:
                yield shown(file.path), name, value, there[name], shown(base.path)


def _layers(tree: Tree, file: Dockerfile) -> tuple[str, ...]:
    own = file.lineage(file.last)
    runs = sum(len(stage.all("RUN")) for stage in own)
    copies = sum(len(stage.all("COPY", "ADD")) for stage in own)
    below = line_of_bases(tree, file)[len(own):]
    bases = sum(len(stage.all("RUN", "COPY", "ADD")) for stage in below)
    return shown(file.path), str(runs + copies), str(runs), str(copies), str(bases)


def _sizes(tree: Tree, files: list[Dockerfile]) -> Iterator[tuple[str, ...]]:
    """The layers of at least a MiB of each file's image, in their order, with the sum of all."""
    named = [list(_images_of(tree, file)) for file in files]
    there = tree.options.images.layers(name for names in named for name in names)
    for file, names in zip(files, named, strict=True):
        here = next((name for name in names if name in there), None)
        if here is None:
            what = f"not in {tree.options.images.where}" if names else "no image named in the tree"
            yield shown(file.path), names[0] if names else "", "", "", f"not measured: {what}"
            continue
        layers = there[here]
        total = sum(one.bytes for one in layers)
        yield shown(file.path), here, "all", f"{total / _MIB:.1f}", f"{len(layers)} layers"
        for number, one in enumerate(layers, 1):
            if one.bytes >= _MIB:
                yield "", "", str(number), f"{one.bytes / _MIB:.1f}", shown(one.made_by[:_WIDTH])


def _images_of(tree: Tree, file: Dockerfile) -> Iterator[str]:
    """The names that the image of a file may have, with their tags where the tree says them."""
    folder = posixpath.basename(posixpath.dirname(file.path))
    for compose in tree.composes:
        for service in compose.services:
            image = service.text("image")
            last = repository(image).rpartition("/")[2]
            if service.build is not None:
                if image and compose.dockerfile(service) == file.path:
                    yield image
            # As this project deploys: built beforehand, in a directory of the image's name.
            elif image.startswith("localhost/") and folder and (
                    last == folder or last.endswith(f"_{folder}")):
                yield image
    yield from (name for name, paths in own_images(tree).items() if file.path in paths)
