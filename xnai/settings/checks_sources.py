"""The check of service_sources: services from the user's own tree."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from xnai.settings.checks import Check, Refused
from xnai.settings.checks_containers import OF_THE_CONTAINER, OwnContainer, own_container

_REQUIRED = ("context", "copy", "requirements")
_IMAGE_KEYS = (
    *_REQUIRED, "exclude", "command", "environment", "apt_packages", "source_packages",
    "build_apt_packages", "strict",
)
_KEYS = (*_IMAGE_KEYS, "health_command", *OF_THE_CONTAINER)
# What Compose calls it, or where it is set here.
_ELSEWHERE = {
    "build": "nothing: the Dockerfile is ours, made of 'copy', 'requirements' and 'apt_packages'",
    "container_name": "'aliases' for further names in the network",
    "depends_on": "nothing: it is as for the reference service",
    "env_file": "'environment' and 'environment_secrets'",
    "healthcheck": "'health'",
    "image": "nothing: the image is built of 'copy' and 'requirements'",
    "mem_limit": "the setting {name}_memory_limit_mib",
    "networks": "'aliases' for further names in the stack's network",
    "ports": "the service's own port setting; it is published on 127.0.0.1",
    "secrets": "'environment_secrets', or the files in /run/secrets",
    "user": "nothing: it runs as container_uid:container_gid",
    "working_dir": "'working_directory'",
}
# Debian policy 5.6.7, less versions: apt-get would take `=` and `/` as a choice of version.
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+", re.ASCII)
_PINNED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9][A-Za-z0-9.!+_-]*", re.ASCII)
# What would break the image where it is replaced; PYTHONPATH is joined with the image's own.
_OF_THE_IMAGE = {
    "PATH": "the image's own finds its Python; name other programs by their absolute path",
    "SSL_CERT_FILE": "the image's own has the authorities of extra_ca_certificates in it",
    "VIRTUAL_ENV": "the environment is the image's own, /opt/venv",
    "PYTHONHOME": "the image's own Python would not be found",
}
# Whole words: MAX_TOKENS and TOKENIZERS_PARALLELISM are none.
_SECRET = re.compile(r"(^|_)(PASS|PASSWORD|PASSWD|PWD|SECRET|TOKEN|KEY|CREDENTIALS?)(_|$)")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*", re.ASCII)


@dataclass(frozen=True)
class Source:
    """A service's code in the user's own tree on the controller.

    Attributes:
        context: the tree's directory, a git checkout.
        copy: (path below the tree, path below /app) of what goes into the image.
        requirements: path of its lock with hashes: below the tree, or absolute on the controller.
        command: argv, or empty for the reference service's.
        environment: added to the reference service's.
        health_command: argv, or empty for the reference service's.
        apt_packages: Debian packages that it needs when it runs.
        source_packages: name==version of packages of the lock that only come as source.
        build_apt_packages: Debian packages that are there while those are built.
        exclude: patterns (fnmatch) of paths below the tree that are left out of what is copied.
        strict: whether a warning of MkDocs ends the build; for docs alone.
        container: how its container differs from the reference service's.
    """

    context: Path
    copy: tuple[tuple[str, str], ...]
    requirements: str
    command: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    health_command: tuple[str, ...] = ()
    apt_packages: tuple[str, ...] = ()
    source_packages: tuple[str, ...] = ()
    build_apt_packages: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    strict: bool = True
    container: OwnContainer = field(default_factory=OwnContainer)

    @property
    def lock(self) -> Path:
        """Its lock's path on the controller."""
        return self.context / self.requirements


def sounds_secret(variable: str) -> bool:
    """Return whether a variable's name sounds as if its value were secret."""
    return _SECRET.search(variable.upper()) is not None


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
        if instead := _ELSEWHERE.get(unknown[0]):
            raise Refused(f"for {name} not {unknown[0]!r}, but {instead.format(name=name)}")
        raise Refused(f"for {name} the keys {', '.join(_KEYS)}; not {unknown[0]!r}")
    if missing := [key for key in _REQUIRED if key not in entry]:
        raise Refused(f"for {name} also {', '.join(map(repr, missing))}")
    context = entry["context"]
    if not isinstance(context, str) or not PurePosixPath(context).is_absolute():
        raise Refused(f"for {name}['context'] an absolute path on the controller")
    if name == "docs" and entry.get("apt_packages"):
        raise Refused("for docs no 'apt_packages': its image holds the built site alone")
    if name == "awq" and (extra := sorted(set(entry) - {*_IMAGE_KEYS})):
        raise Refused(f"for awq, which is run by hand, no {extra[0]!r}")
    environment = _environment(name, entry.get("environment", {}))
    return Source(
        context=Path(context),
        copy=_copies(name, entry["copy"]),
        requirements=_requirements(name, entry["requirements"]),
        command=_argv(name, "command", entry.get("command", ())),
        environment=environment,
        health_command=_argv(name, "health_command", entry.get("health_command", ())),
        apt_packages=_packages(name, "apt_packages", entry),
        source_packages=_source_packages(name, entry.get("source_packages", ())),
        build_apt_packages=_packages(name, "build_apt_packages", entry),
        exclude=_exclude(name, entry.get("exclude", ())),
        strict=_strict(name, entry.get("strict", True)),
        container=own_container(name, entry, dict(environment)),
    )


def _inside(name: str, key: str, path: object) -> str:
    words = f"for {name}[{key!r}] paths inside the context, relative and without .."
    if not isinstance(path, str) or not path or any(sign in path for sign in "\0\n"):
        raise Refused(words)
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts:
        raise Refused(f"{words}; {path!r} leads out of it")
    return str(parts)


def _requirements(name: str, value: object) -> str:
    """A path in the tree, or an absolute one on the controller, as `xnai lock` makes it."""
    if isinstance(value, str) and PurePosixPath(value).is_absolute() and "\0" not in value:
        return value
    return _inside(name, "requirements", value)


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
        if sounds_secret(key):
            raise Refused(
                f"for {name}['environment'] nothing secret, and {key} sounds so; "
                f"'environment_secrets': {{{key!r}: …}} takes it from a secret of the stack"
            )
        if reason := _OF_THE_IMAGE.get(key):
            raise Refused(f"for {name}['environment'] no {key}: {reason}")
    return tuple(value.items())


def _packages(name: str, key: str, entry: Mapping[str, object]) -> tuple[str, ...]:
    value = entry.get(key, ())
    if not isinstance(value, list | tuple) or not all(
        isinstance(word, str) and _PACKAGE.fullmatch(word) for word in value
    ):
        raise Refused(f"for {name}[{key!r}] names of Debian packages, without versions")
    if value and key == "build_apt_packages" and not entry.get("source_packages"):
        raise Refused(f"for {name} 'build_apt_packages' beside 'source_packages' alone: nothing "
                      "else is compiled")
    return tuple(value)


def _source_packages(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(
        isinstance(word, str) and _PINNED.fullmatch(word) for word in value
    ):
        raise Refused(
            f"for {name}['source_packages'] packages of its lock with their versions, such as "
            "['cuid==0.4']; `xnai lock` prints them"
        )
    return tuple(value)


def _strict(name: str, value: object) -> bool:
    if not isinstance(value, bool) or (name != "docs" and not value):
        raise Refused(f"for {name} 'strict' is True or False, and False for docs alone")
    return value


def _exclude(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise Refused(f"for {name}['exclude'] a list of patterns, such as ['docs/old', '*.ipynb']")
    return tuple(_inside(name, "exclude", pattern) for pattern in value)
