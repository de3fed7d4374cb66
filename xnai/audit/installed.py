"""What a Dockerfile's stages install: Python's packages and the distribution's."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator

from xnai.audit.dockerfile import Dockerfile, Instruction, Stage
from xnai.audit.shell_words import commands
from xnai.audit.tree import Tree

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
_SYSTEM = {"apt-get": "install", "apt": "install", "apk": "add", "dnf": "install",
           "microdnf": "install", "yum": "install"}
# Options of pip, uv and apk that take a value of their own.
_WITH_VALUE = frozenset({"-i", "--index-url", "--extra-index-url", "-f", "--find-links", "-c",
                         "--constraint", "-t", "--target", "--prefix", "--root", "--python", "-p",
                         "--cache-dir", "--timeout", "--virtual", "-X", "--repository", "-e"})


def normal(name: str) -> str:
    """Return a Python package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _arguments(words: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield (option, value) for -r and the like, and ("", word) for plain words."""
    rest = iter(words)
    for word in rest:
        if word in {"-r", "--requirement", "--requirements"}:
            yield "-r", next(rest, "")
        elif word in _WITH_VALUE:
            next(rest, "")
        elif not word.startswith("-"):
            yield "", word


def python_packages(tree: Tree, file: Dockerfile, stages: Iterable[Stage]) -> set[str]:
    """Return the Python packages that the RUNs of some stages install, by their normal names."""
    found = set[str]()
    for stage in stages:
        for run in stage.all("RUN"):
            for word in _python_words(run):
                if word.startswith("-r "):
                    found |= _in_requirements(tree, file, word[3:])
                elif match := _NAME.match(word):
                    found.add(normal(match[0]))
    return found


def _python_words(run: Instruction) -> Iterator[str]:
    for command in commands(run.text):
        words = list(command.words)
        if re.fullmatch(r"python[\d.]*", command.name) and words[1:3] == ["-m", "pip"]:
            words = words[2:]
        name = words[0].rpartition("/")[2] if words else ""
        if name == "uv":
            words = words[1:]
        if (re.fullmatch(r"pip[\d.]*|uv|pipx", name)) and {"install", "add"} & set(words):
            verb = next(at for at, word in enumerate(words) if word in {"install", "add"})
            for option, value in _arguments(words[verb + 1 :]):
                yield f"-r {value}" if option else value


def _in_requirements(tree: Tree, file: Dockerfile, path: str) -> set[str]:
    """The packages of the tree's requirements files of that name, those nearest the Dockerfile."""
    name = posixpath.basename(path)
    near = [one for one in tree.by_name.get(name, ())
            if posixpath.dirname(one).startswith(file.directory)] or tree.by_name.get(name, ())
    return {
        normal(match[0]) for one in near[:5] for line in tree.text(one).split("\n")
        if (match := _NAME.match(line.strip()))
    }


def system_packages(stages: Iterable[Stage]) -> dict[str, Instruction]:
    """Return the distribution's packages that some stages install, each with its RUN."""
    found: dict[str, Instruction] = {}
    for stage in stages:
        for run in stage.all("RUN"):
            for command in commands(run.text):
                verb = _SYSTEM.get(command.name)
                words = list(command.words)
                if verb and verb in words:
                    for _, word in _arguments(words[words.index(verb) + 1 :]):
                        found.setdefault(word.partition("=")[0], run)
    return found
