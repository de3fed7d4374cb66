"""From a Dockerfile to the keys of a source that are about its image."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable

from xnai.audit.dockerfile import Dockerfile, Instruction, Stage
from xnai.audit.shell_words import commands
from xnai.settings.checks_sources import sounds_secret
from xnai.sources.model import NotTaken, Proposal

_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_LISTS = re.compile(r"(.*/)?(requirements[^/]*\.(txt|in)|pyproject\.toml)")
_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9,._-]+\])?([=<>~!]=?[^\s/$]+)?")
# Options of pip that are followed by a value.
_WITH_A_VALUE = {
    "-r", "--requirement", "-c", "--constraint", "-i", "--index-url", "-e", "--editable",
    "--extra-index-url", "-f", "--find-links", "-t", "--target", "--prefix", "--root",
}
_SILENT = {"ARG", "LABEL", "FROM", "EXPOSE", "WORKDIR", "COPY", "CMD", "ENTRYPOINT", "ENV", "RUN",
           "USER", "SHELL", "STOPSIGNAL", "MAINTAINER"}


def take(dockerfile: Dockerfile, context: str, into: Proposal) -> None:
    """Add what a Dockerfile says of its image to a proposal.

    Args:
        dockerfile: parsed.
        context: its build context, below the checkout.
        into: the proposal.
    """
    def left(one: Instruction, reason: str) -> None:
        into.not_taken.append(NotTaken(dockerfile.path, one.first, one.text[:70], reason))

    stages = dockerfile.lineage(dockerfile.last)[::-1]
    copy: dict[str, str] = {}
    command: list[str] = []
    entry: list[str] = []
    environment: dict[str, str] = {}
    packages: list[str] = []
    for stage in dockerfile.stages:
        is_last = stage in stages
        directory = "/"
        for one in stage.instructions:
            if one.name == "WORKDIR" and one.words:
                directory = posixpath.join(directory, one.words[0])
            elif one.name in ("COPY", "ADD"):
                _copied(one, directory, context, is_last, copy, into, left)
            elif not is_last:
                continue
            elif one.name == "CMD":
                command = _argv(one)
            elif one.name == "ENTRYPOINT":
                entry, command = _argv(one), []
            elif one.name == "ENV":
                _environment(one, environment, left)
            elif one.name == "RUN":
                packages += _packages(one)
                into.packages += _of_pip(one)
            elif one.name not in _SILENT:
                left(one, "the deploy has its own health check, user and volumes: 'health', "
                     "'volumes'" if one.name in ("HEALTHCHECK", "VOLUME") else "not taken")
    if copy:
        into.source["copy"] = copy
    # The site is served by our own server.
    if (entry or command) and into.service != "docs":
        into.source["command"] = [*entry, *command]
    if environment:
        into.source["environment"] = environment | into.source.get("environment", {})
    if packages:
        into.source["apt_packages"] = list(dict.fromkeys(packages))


def _argv(one: Instruction) -> list[str]:
    return list(one.words) if one.is_list else ["sh", "-c", f"exec {one.text}"]


def _copied(
    one: Instruction, directory: str, context: str, is_last: bool, copy: dict[str, str],
    into: Proposal, left: Callable[[Instruction, str], None],
) -> None:
    if "from" in one.flags:
        return
    for source in one.sources:
        near = posixpath.normpath(posixpath.join(context, source))
        if near.startswith("..") or "$" in source or "://" in source or "*" in source:
            left(one, f"{source}: its place in the checkout cannot be told; name it in 'copy'")
            continue
        if _LISTS.fullmatch(near):
            # The first list is what is installed; the lock is made from it.
            into.source.setdefault("requirements", near)
            continue
        if not is_last:
            continue  # what a build stage makes of it is the last stage's own
        target = posixpath.normpath(posixpath.join(directory, one.target))
        into_directory = one.target in (".", "..") or one.target.endswith("/")
        if into_directory and not source.endswith("/") and "." in source:
            target = posixpath.join(target, posixpath.basename(source))
        places = [r"/(app|code|srv|usr/src/app|workspace)"]
        if directory != "/":
            places.insert(0, re.escape(directory))
        below = re.sub(rf"^({'|'.join(places)})(/|$)", "", target)
        if below.startswith("/"):
            left(one, f"{target}: only what is below /app is made of 'copy'")
            continue
        copy[near] = below or "."


def _environment(
    one: Instruction, environment: dict[str, str], left: Callable[[Instruction, str], None]
) -> None:
    pairs = dict(zip(one.words[::2], one.words[1::2], strict=False))
    for name, value in pairs.items():
        if name in ("PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "VIRTUAL_ENV"):
            continue  # the image's own
        if sounds_secret(name) or "$" in value or not re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
            left(one, f"{name}: a secret, or a value that is put together; write it if it is one")
        else:
            environment[name] = value.strip("\"'")


def _packages(one: Instruction) -> list[str]:
    found: list[str] = []
    for command in commands(one.text):
        words = [word for word in command.words if not word.startswith("-")]
        if words[:2] in (["apt-get", "install"], ["apt", "install"]):
            found += [
                name for word in words[2:]
                if _PACKAGE.fullmatch(name := word.partition("=")[0]) and name not in (
                    "gcc", "g++", "build-essential", "make", "git", "curl", "wget",
                )
            ]
    return found


def _of_pip(one: Instruction) -> list[str]:
    """The packages that pip installs by name; lists and what is put together are left out."""
    found: list[str] = []
    for command in commands(one.text):
        words = list(command.words)
        if words[:3] == ["python", "-m", "pip"]:
            words = words[2:]
        if words[:2] == ["uv", "pip"]:
            words = words[1:]
        if words[:2] not in (["pip", "install"], ["pip3", "install"]):
            continue
        skipped = {place + 1 for place, word in enumerate(words) if word in _WITH_A_VALUE}
        found += [
            word for place, word in enumerate(words[2:], 2)
            if place not in skipped and _REQUIREMENT.fullmatch(word)
            and word not in ("pip", "setuptools", "wheel", "uv")
        ]
    return found


def runs_as_root(stage: Stage) -> bool:
    """Return whether a stage says nothing of its user."""
    return not stage.all("USER")
