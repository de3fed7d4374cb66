"""The images that the tree builds itself: their names, and the Dockerfiles that they come from."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping

from xnai.audit.dockerfile import Dockerfile, Stage
from xnai.audit.tree import Tree

_BUILD = re.compile(
    r"\b(?:docker|podman|buildah)\s+(?:image\s+|buildx\s+)?(?:build|bud)\b([^\n;&|]*)"
)
_TAG = re.compile(r"(?:\s)(?:-t|--tag)[= ]?[\"']?([^\s\"']+)")
_FILE = re.compile(r"(?:\s)(?:-f|--file)[= ]?[\"']?([^\s\"']+)")
_LOOP = re.compile(r"\bfor\s+(\w+)\s+in\s+([^;\n$]+)[;\n]")
_ASSIGNED = re.compile(r"(?m)^\s*(?:export\s+)?([A-Za-z_]\w*)=[\"']?([^\s\"'$;`]+)[\"']?\s*$")
_MAX_DEPTH = 5


def repository(image: str) -> str:
    """Return an image's name without localhost/, tag and digest."""
    name = image.partition("@")[0].removeprefix("localhost/")
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


def own_images(tree: Tree) -> Mapping[str, frozenset[str]]:
    """Return name, without localhost/ and tag -> the Dockerfiles that it may be built from."""
    return tree.once("own images", lambda: _found(tree))


def is_own(tree: Tree, image: str) -> bool:
    """Return whether the tree builds an image of that name."""
    return bool(image) and "$" not in image and repository(image) in own_images(tree)


def _found(tree: Tree) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for name, path in _built(tree):
        if "$" not in name and re.search(r"\w", name):
            found.setdefault(repository(name), set()).update([path] if path else [])
    return {name: frozenset(paths) for name, paths in found.items()}


def _built(tree: Tree) -> Iterator[tuple[str, str | None]]:
    for file in tree.composes:
        for service in file.services:
            if service.build is not None and service.text("image"):
                yield service.text("image"), file.dockerfile(service)
    for makefile in tree.makefiles:
        for one in makefile.commands:
            yield from _commands(tree, makefile.directory, one.text)
    read = {path for makefile in tree.makefiles for path in makefile.texts}
    for path, text in (*tree.make_texts.items(), *tree.script_texts.items()):
        if path not in read and _BUILD.search(text):
            yield from _commands(tree, posixpath.dirname(path), text)
            yield from _commands(tree, "", text)


def built_by(tree: Tree, folder: str, text: str) -> set[str]:
    """Return the Dockerfiles that the build commands of a shell text, run in `folder`, name."""
    return {path for _, path in _commands(tree, folder, text, untagged=True) if path}


def _commands(
    tree: Tree, folder: str, text: str, untagged: bool = False
) -> Iterator[tuple[str, str | None]]:
    """The images that the build commands of a shell text name."""
    joined = text.replace("\\\n", " ")
    loops = [(match[1], match[2].split()) for match in _LOOP.finditer(joined)]
    values = dict(_ASSIGNED.findall(joined))
    for match in _BUILD.finditer(joined):
        for arguments in _spelled(_filled(match[1], values), loops):
            file = _FILE.search(arguments)
            named = file[1] if file else posixpath.join(_context(arguments), "Dockerfile")
            paths = [posixpath.normpath(posixpath.join(base, named)) for base in (folder, "")]
            path = next((one for one in paths if one in tree.files), None)
            for tag in _TAG.findall(arguments) or ([""] if untagged else []):
                yield tag, path


def _filled(text: str, values: Mapping[str, str]) -> str:
    return re.sub(
        r"\$\{?([A-Za-z_]\w*)\}?", lambda match: values.get(match[1], match[0]), text
    )


def _spelled(arguments: str, loops: list[tuple[str, list[str]]]) -> Iterator[str]:
    """The arguments with each word of the loop around them put in."""
    for name, words in loops:
        if re.search(rf"\$\{{?{name}\b", arguments):
            for word in words:
                yield re.sub(rf"\$\{{?{name}\b\}}?", word, arguments)
            return
    yield arguments


def _context(arguments: str) -> str:
    """The last word that is neither an option nor the value of one."""
    words = arguments.split()
    plain = [
        word for at, word in enumerate(words) if not word.startswith("-")
        and not (at and re.fullmatch(r"-[tf]|--(tag|file|build-arg|target|network|platform|label|"
                                     r"format|progress|cache-from|secret|ssh)", words[at - 1]))
    ]
    return plain[-1].strip("\"'") if plain else "."


def base_of(tree: Tree, file: Dockerfile) -> Dockerfile | None:
    """Return the tree's own Dockerfile that the last stage of `file` stands on, if it is one."""
    paths = own_images(tree).get(repository(file.root_image()), frozenset())
    found = [one for path in sorted(paths) if (one := tree.dockerfile(path)) and one is not file]
    return found[0] if len(found) == 1 else None


def line_of_bases(tree: Tree, file: Dockerfile) -> list[Stage]:
    """Return the stages that the image of `file` is made of, through the tree's own bases too."""
    found = file.lineage(file.last)
    seen = [file]
    base = base_of(tree, file)
    while base is not None and base not in seen and len(seen) < _MAX_DEPTH:
        found += base.lineage(base.last)
        seen.append(base)
        base = base_of(tree, base)
    return found


def stood_on_by(tree: Tree, file: Dockerfile) -> list[Dockerfile]:
    """Return the Dockerfiles whose images start from the one that `file` makes."""
    return [
        other for other in tree.dockerfiles if other is not file and any(
            file.path in own_images(tree).get(repository(stage.base), frozenset())
            for stage in other.stages
        )
    ]
