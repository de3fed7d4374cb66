"""The check of service_sources: services from the user's own tree."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from xnai.settings.checks import Check, Refused

_REQUIRED = ("context", "copy", "requirements")
_KEYS = (*_REQUIRED, "command", "environment", "health_command", "apt_packages")
# Debian policy 5.6.7, less versions: apt-get would take `=` and `/` as a choice of version.
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+", re.ASCII)
# Whole words: MAX_TOKENS and TOKENIZERS_PARALLELISM are none.
_SECRET = re.compile(r"(^|_)(PASS|PASSWORD|PASSWD|PWD|SECRET|TOKEN|KEY|CREDENTIALS?)(_|$)")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*", re.ASCII)


@dataclass(frozen=True)
class Source:
    """A service's code in the user's own tree on the controller.

    Attributes:
        context: the tree's directory, a git checkout.
        copy: (path below the tree, path below /app) of what goes into the image.
        requirements: path of its lock with hashes, below the tree.
        command: argv, or empty for the reference service's.
        environment: added to the reference service's.
        health_command: argv, or empty for the reference service's.
        apt_packages: Debian packages that it needs when it runs.
    """

    context: Path
    copy: tuple[tuple[str, str], ...]
    requirements: str
    command: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    health_command: tuple[str, ...] = ()
    apt_packages: tuple[str, ...] = ()


def service_sources(services: Sequence[str]) -> Check:
    """Return a check for {service: {"context": ..., "copy": ..., "requirements": ..., ...}}.

    Only the form is checked here; the trees themselves are read before the first build.

    Args:
        services: names of those that may be given a tree.
    """

    def check(value: object) -> dict[str, Source]:
        if not isinstance(value, dict):
            raise Refused('{"rag_api": {"context": "/home/me/tree", "copy": [...], ...}}')
        unknown = [name for name in value if name not in services]
        if unknown:
            raise Refused(f"services {', '.join(services)}; not {unknown[0]!r}")
        return {name: _source(name, entry) for name, entry in value.items()}

    return check


def _source(name: str, entry: object) -> Source:
    if not isinstance(entry, dict):
        raise Refused(f"for {name} a dictionary with {', '.join(_KEYS)}")
    if unknown := [key for key in entry if key not in _KEYS]:
        raise Refused(f"for {name} the keys {', '.join(_KEYS)}; not {unknown[0]!r}")
    if missing := [key for key in _REQUIRED if key not in entry]:
        raise Refused(f"for {name} also {', '.join(map(repr, missing))}")
    context = entry["context"]
    if not isinstance(context, str) or not PurePosixPath(context).is_absolute():
        raise Refused(f"for {name}['context'] an absolute path on the controller")
    if name == "docs" and entry.get("apt_packages"):
        raise Refused("for docs no 'apt_packages': its image holds the built site alone")
    return Source(
        context=Path(context),
        copy=_copies(name, entry["copy"]),
        requirements=_inside(name, "requirements", entry["requirements"]),
        command=_argv(name, "command", entry.get("command", ())),
        environment=_environment(name, entry.get("environment", {})),
        health_command=_argv(name, "health_command", entry.get("health_command", ())),
        apt_packages=_packages(name, entry.get("apt_packages", ())),
    )


def _inside(name: str, key: str, path: object) -> str:
    words = f"for {name}[{key!r}] paths inside the context, relative and without .."
    if not isinstance(path, str) or not path or any(sign in path for sign in "\0\n"):
        raise Refused(words)
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts:
        raise Refused(f"{words}; {path!r} leads out of it")
    return str(parts)


def _copies(name: str, value: object) -> tuple[tuple[str, str], ...]:
    """A list of paths that keep their place, or {path: path below /app}."""
    if isinstance(value, list | tuple):
        value = {path: path for path in value}
    if not isinstance(value, dict) or not value:
        raise Refused(f"for {name}['copy'] a list of paths, or {{path: path below /app}}")
    pairs = tuple(
        (_inside(name, "copy", path), _inside(name, "copy", place)) for path, place in value.items()
    )
    places = [place for _, place in pairs]
    if len(set(places)) < len(places):
        raise Refused(f"for {name}['copy'] different places below /app")
    return pairs


def _argv(name: str, key: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(
        isinstance(word, str) and "\0" not in word and "\n" not in word for word in value
    ):
        raise Refused(f"for {name}[{key!r}] a list of words, such as ['python', '-m', 'app']")
    return tuple(value)


def _environment(name: str, value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, Mapping) or not all(
        isinstance(key, str) and _VARIABLE.fullmatch(key) and isinstance(text, str)
        for key, text in value.items()
    ):
        raise Refused(f"for {name}['environment'] {{'NAME': 'text'}}, names of A-Z 0-9 _")
    for key in value:
        if _SECRET.search(key):
            raise Refused(
                f"for {name}['environment'] nothing secret, and {key} sounds so; secrets are "
                "files in /run/secrets"
            )
    return tuple(value.items())


def _packages(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(
        isinstance(word, str) and _PACKAGE.fullmatch(word) for word in value
    ):
        raise Refused(f"for {name}['apt_packages'] names of Debian packages, without versions")
    return tuple(value)
