"""Calls of compose in recipes: which files they name, and which services."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from xnai.audit.docker_paths import is_made
from xnai.audit.names import MADE
from xnai.audit.shell_words import Command, commands
from xnai.audit.tree import Tree

# Options that take a value of their own (docker compose --help, podman-compose --help).
_GLOBAL = frozenset({"-f", "--file", "-p", "--project-name", "--profile", "--env-file",
                     "--project-directory", "--parallel", "--ansi", "--progress",
                     "--podman-path", "--podman-args"})
_OWN = frozenset({"-t", "--timeout", "--tail", "-n", "--since", "--until", "--scale", "-e", "--env",
                  "-u", "--user", "-w", "--workdir", "--index", "--entrypoint", "--name", "-v",
                  "--volume", "-p", "--publish", "--build-arg", "--pull", "--progress", "-s",
                  "--signal", "--format", "--filter", "--status", "--exit-code-from", "--attach",
                  "--no-attach", "--wait-timeout", "-l", "--label", "--memory", "-m", "--ssh"})
_MANY = frozenset({"up", "build", "restart", "stop", "start", "rm", "pull", "logs", "ps", "kill",
                   "create", "pause", "unpause", "push", "top"})
_ONE = frozenset({"exec", "run", "port"})


@dataclass(frozen=True)
class ComposeCall:
    """One call: the compose files that -f names, the subcommand, the services, and -p's value."""

    files: tuple[str, ...]
    verb: str
    services: tuple[str, ...]


def moved(folder: str | None, command: Command) -> str | None:
    """Return the directory after a cd, or None where it cannot be told."""
    where = command.words[1] if len(command.words) == 2 else "$"
    if folder is None or re.search(r"[$*?~`]", where) or where.startswith("/"):
        return None
    return posixpath.normpath(posixpath.join(folder, where))


def compose_calls(text: str) -> Iterator[ComposeCall]:
    """Yield the calls of docker compose, docker-compose and podman-compose in a shell text."""
    for _, call in calls_in("", text):
        yield call


def calls_in(folder: str | None, text: str) -> Iterator[tuple[str | None, ComposeCall]]:
    """Yield the calls in a shell text that begins in `folder`, each with the directory it runs in.

    None stands for a directory that cannot be told.
    """
    if "compose" not in text:
        return
    for command in commands(text):
        words = list(command.words)
        if command.name in {"cd", "pushd"}:
            folder = moved(folder, command)
        if command.name in {"docker", "podman"} and words[1:2] == ["compose"]:
            words = words[2:]
        elif command.name in {"docker-compose", "podman-compose"}:
            words = words[1:]
        else:
            continue
        files = []
        where = folder
        while words and words[0].startswith("-"):
            option, *words = words
            name, glued, value = option.partition("=")
            if not glued and name in _GLOBAL and words:
                value, *words = words
            if name in {"-f", "--file"}:
                files.append(value)
            if name == "--project-directory":
                where = None  # how files of then are found differs between the programs
        if words:
            call = ComposeCall(tuple(files), words[0], tuple(_services(words[0], words[1:])))
            yield where, call


def may_be_made(tree: Tree, text: str, path: str) -> bool:
    """Return whether a step before, or the same recipe, may make or ask for a compose file."""
    name = posixpath.basename(path)
    first = path.partition("/")[0]
    ignored = {line.strip().strip("/") for line in tree.text(".gitignore").split("\n")}
    return bool(
        is_made(tree, name) or ("/" in path and first in MADE) or {path, name, first} & ignored
        or re.search(rf"(\[|\btest)\s+(!\s+)?-[efrs]\s+\S*{re.escape(name)}", text)
        or any(tree.has(f"{path}{end}") for end in (".example", ".sample", ".template", ".dist",
                                                    ".tmpl", ".j2"))
    )


def _services(verb: str, words: list[str]) -> Iterator[str]:
    if verb not in _MANY | _ONE:
        return
    while words:
        word, *words = words
        if word.startswith("-"):
            if word in _OWN and "=" not in word and words and not _is_flag(verb, word):
                words = words[1:]
            continue
        yield word
        if verb in _ONE:
            return


def _is_flag(verb: str, word: str) -> bool:
    """Whether an option that takes a value elsewhere takes none here."""
    return (verb, word) in {
        ("logs", "-t"), ("rm", "-s"), ("rm", "-v"), ("exec", "-t"), ("build", "--pull"),
        ("run", "-t"), ("up", "-p"), ("run", "-p"), ("build", "-p"),
    } and (verb, word) != ("run", "-p")
