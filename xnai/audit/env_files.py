"""Environment files of a tree: which of them give ${…} of compose files their values."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping

from xnai.audit.compose import ComposeFile, ComposeService
from xnai.audit.tree import Tree

_IS_ENV = re.compile(r"\.?env([.-].*)?|.*\.env(\.(example|sample|template|dist|default))?")
_NAMES = re.compile(r"(?m)^\s*#?\s*(?:export\s+)?([A-Za-z_]\w*)\s*=")
# A path of an environment file in a script, a makefile or a document.
_TOKEN = re.compile(r"[\w./-]*env[\w.-]*")
_FEEDS = re.compile(
    r"\b(cp|mv|ln|install|source|include|dotenv|export)\b|--env-file|^\s*\.\s|COMPOSE_ENV_FILES|"
    r">\s*\"?\.env\b"
)


def names_in(text: str) -> set[str]:
    """Return the names that an environment file sets, those in comments too."""
    return set(_NAMES.findall(text))


def of_services(tree: Tree) -> Mapping[str, frozenset[str]]:
    """Return path -> names of the files that env_file gives to containers, and to nothing else."""
    return tree.once("files of env_file", lambda: _of_services(tree))


def env_file_paths(file: ComposeFile, service: ComposeService) -> Iterator[tuple[str, int, bool]]:
    """Yield what a service's env_file names: path as written, line, whether it must be there."""
    value = service.data.get("env_file")
    for at, one in enumerate(value if isinstance(value, list) else [value] if value else []):
        path = one.get("path") if isinstance(one, dict) else one
        required = not (isinstance(one, dict) and one.get("required") in {"false", "no"})
        if isinstance(path, str):
            yield path, service.line("env_file", at), required


def _of_services(tree: Tree) -> dict[str, frozenset[str]]:
    paths = {
        file.near(path) for file in tree.composes for service in file.services
        for path, _, _ in env_file_paths(file, service)
    }
    fed = _fed(tree)
    return {
        path: frozenset(names_in(tree.text(path))) for path in sorted(paths & tree.files)
        if posixpath.basename(path) != ".env" and not _named(path, fed)
    }


def _named(path: str, tokens: frozenset[str]) -> bool:
    parts = path.split("/")
    return any("/".join(parts[at:]) in tokens for at in range(len(parts)))


def _fed(tree: Tree) -> frozenset[str]:
    """The environment files that a line copies, sources or hands to compose."""
    def work() -> frozenset[str]:
        return frozenset(
            token.strip("./") for text in (*tree.make_texts.values(), *tree.script_texts.values())
            if "env" in text for line in text.split("\n") if "env" in line and _FEEDS.search(line)
            for token in _TOKEN.findall(line)
        )
    return tree.once("env files that are fed", work)


def _mentioned(tree: Tree) -> frozenset[str]:
    """The environment files that any text names with their directory."""
    def work() -> frozenset[str]:
        return frozenset(
            token.strip("./") for text in (*tree.make_texts.values(), *tree.script_texts.values())
            if "env" in text for token in _TOKEN.findall(text) if "/" in token.strip("./")
        )
    return tree.once("env files that are mentioned", work)


def _included(tree: Tree) -> Iterator[str]:
    """The files that include: names for what it includes; podman-compose does not read them."""
    for file in tree.composes if not tree.uses_podman else ():
        value = file.data.get("include")
        for one in value if isinstance(value, list) else ():
            paths = one.get("env_file") if isinstance(one, dict) else None
            for path in paths if isinstance(paths, list) else [paths]:
                if isinstance(path, str):
                    yield file.near(path)


def _everywhere(tree: Tree) -> frozenset[str]:
    """The names in env files, wherever they lie, that something copies to .env or hands over."""
    def work() -> frozenset[str]:
        alone = of_services(tree)
        named = _fed(tree) | _mentioned(tree)
        found = set[str]()
        for path in sorted(tree.files):
            if _IS_ENV.fullmatch(posixpath.basename(path)) and path not in alone \
                    and _named(path, named):
                found |= names_in(tree.text(path))
        for path in _included(tree):
            found |= names_in(tree.text(path))
        return frozenset(found)
    return tree.once("names of env files", work)


def known_names(tree: Tree, directory: str) -> frozenset[str]:
    """Return the names that have a value for the compose files of a directory."""
    def near() -> frozenset[str]:
        alone = of_services(tree)
        found = set[str]()
        for name, paths in tree.by_name.items():
            if _IS_ENV.fullmatch(name):
                for path in paths:
                    if posixpath.dirname(path) in {directory, ""} and path not in alone:
                        found |= names_in(tree.text(path))
        return frozenset(found) | _everywhere(tree)
    return tree.once(f"names set for {directory}", near)
