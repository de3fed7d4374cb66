"""Health checks that call what the image does not have."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xnai.audit.compose import ComposeFile, ComposeService
from xnai.audit.image_contents import Programs
from xnai.audit.known_images import is_known, lacks
from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.shell_words import commands
from xnai.audit.tree import Tree

# What a shell does itself (POSIX, "Shell Command Language").
_BUILTIN = frozenset({
    ".", ":", "[", "[[", "alias", "bg", "break", "case", "cd", "command", "continue", "do", "done",
    "echo", "elif", "else", "esac", "eval", "exec", "exit", "export", "false", "fi", "for",
    "getopts", "hash", "if", "in", "kill", "let", "local", "printf", "pwd", "read", "readonly",
    "return", "set", "shift", "source", "test", "then", "time", "times", "trap", "true", "type",
    "ulimit", "umask", "unset", "until", "wait", "while", "{", "}", "!",
})


def called(service: ComposeService) -> set[str]:
    """Return the programs that a health check starts, as far as its words tell."""
    value = service.data.get("healthcheck")
    test = value.get("test") if isinstance(value, dict) else None
    if isinstance(test, list) and test[:1] == ["CMD"]:
        first = str(test[1]) if len(test) > 1 else ""
        names = {first.rpartition("/")[2]}
    else:
        names = {one.name for one in commands(service.check)} - _BUILTIN | {"sh"}
    return {name for name in names
            if re.fullmatch(r"[A-Za-z][\w.+-]*", name) and not _is_mounted(service, name)}


def _is_mounted(service: ComposeService, name: str) -> bool:
    return any(
        mount.target.rpartition("/")[2] == name
        or re.search(rf"{re.escape(mount.target.rstrip('/'))}/\S*{re.escape(name)}", service.check)
        for mount in service.mounts
    )


def contents(tree: Tree, service: ComposeService) -> Programs | None:
    """Return the programs of a service's image, if the store has what will run.

    An image that is built here may be older in the store than the files that it is built from.
    """
    images = tree.options.images
    if not service.check or (service.build is not None and not images.of_host):
        return None
    return images.programs(service.text("image"))


def _fetchers(service: ComposeService) -> set[str]:
    return set(re.findall(r"(?:^|[\s/;&|(])(curl|wget|nc|bash)(?=\s|$)", service.check))


def _image(tree: Tree, file: ComposeFile, service: ComposeService) -> tuple[str, str]:
    """The image from outside that a service stands on, and what its own build says."""
    if service.build is None:
        return service.text("image"), ""
    built = tree.dockerfile(file.dockerfile(service))
    if built is None or "target" in service.build:
        return "", ""
    own = [one.text for stage in built.lineage(built.last) for one in stage.instructions]
    # What a COPY or a script brings cannot be told from here.
    copied = any("from" in one.flags and "/bin" in one.text
                 for one in built.last.all("COPY"))
    return ("" if copied else built.root_image()), "\n".join(own)


class ComposeHealthcheckBinary(Rule):
    """A program that the image in the store, or of a table of known images, does not have."""

    id = "compose_healthcheck_binary"
    severity = "error"
    title = "health check calls a missing program"
    remedy = (
        "Call what the image has: redis-cli ping, pg_isready, python -c, the server's own command."
    )

    def not_judged(self, tree: Tree) -> str:
        """Return why no health check was compared, where there are some."""
        checks = [service for file in tree.composes for service in file.services if service.check]
        known = any(
            contents(tree, one) or one.build is not None or is_known(one.text("image"))
            for one in checks
        )
        return "no image of a health check is known or in a store here" \
            if checks and not known else ""

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield checks on images that lack the program, by the store first, by the table else."""
        for file in tree.composes:
            for service in file.services:
                there = contents(tree, service)
                image, texts = _image(tree, file, service)
                for program in sorted(called(service) if there else _fetchers(service)):
                    absent = program not in there if there else (
                        lacks(image, program) and not re.search(rf"\b{program}\b", texts)
                    )
                    if absent:
                        yield Hit(
                            file.path, service.line("healthcheck", "test"),
                            f"{service.name}: {image or service.text('image')} has no {program}; "
                            "the container never gets healthy.",
                        )
