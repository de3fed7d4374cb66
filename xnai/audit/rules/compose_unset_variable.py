"""Variables that nobody sets."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xnai.audit.compose import ComposeFile, ComposeService
from xnai.audit.env_files import known_names, of_services
from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

_VARIABLE = re.compile(r"(?<!\$)\$(?:\{(\w+)\}|([A-Za-z_]\w*))")
_ENVIRONMENT = re.compile(r"HOME|USER|PWD|UID|GID|HOSTNAME|PATH|SHELL|LOGNAME|DISPLAY|TZ|LANG|"
                          r"XDG_\w+|CI|GOPATH|GITHUB_\w+|SSH_AUTH_SOCK|COMPOSE_\w+|DOCKER_\w+|PUID|PGID|"
                          r"(CIRCLE|TRAVIS|BUILDKITE|JENKINS|GITLAB|CI|DRONE|APPVEYOR)_\w+")


def _handed_on(key: tuple[str | int, ...], text: str, name: str) -> bool:
    """Whether the caller's variable is handed on under its name, empty or not."""
    same = re.fullmatch(rf"(\d+=)?{name}=\$\{{?{name}\}}?", f"{key[-1]}={text}")
    return bool(same and {"environment", "args"} & set(key))


def _unset(
    tree: Tree, file: ComposeFile
) -> Iterator[tuple[str, int, tuple[str | int, ...]]]:
    """Yield each name that nobody sets once, with its line and its place."""
    known = known_names(tree, file.directory)
    # Demanded elsewhere in the file: without it nothing starts.
    demanded = set(re.findall(r"\$\{(\w+):?\?", "\n".join(file.lines)))
    seen = set[str]()
    for key, text, line in file.scalars() if "$" in "".join(file.lines) else ():
        for match in _VARIABLE.finditer(text):
            name = match[1] or match[2]
            # A block text such as an inline script has lines of its own.
            if name in known or name in tree.set_names or name in demanded | seen \
                    or _ENVIRONMENT.fullmatch(name) or "\n" in text \
                    or key[0] == "x-scripts" or _handed_on(key, text, name):
                continue
            seen.add(name)
            yield name, line, key


def _service_of(file: ComposeFile, key: tuple[str | int, ...]) -> ComposeService | None:
    name = key[1] if key[0] == "services" and len(key) > 1 else None
    return next((one for one in file.services if one.name == name), None)


class ComposeUnsetVariable(Rule):
    """${NAME} without a default, in no .env and set by no makefile."""

    id = "compose_unset_variable"
    severity = "warning"
    title = "variable without a value"
    remedy = (
        "Give a default (${NAME:-value}), demand it (${NAME:?why}), or name it in .env.example."
    )

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield each variable once a file."""
        for file in tree.composes:
            for name, line, key in _unset(tree, file):
                service = _service_of(file, key)
                given = next((path for path, names in of_services(tree).items()
                              if name in names), "")
                if service and name in service.environment:
                    # podman-compose puts a service's own environment in, Compose does not.
                    if not tree.uses_podman:
                        what = (f"${{{name}}} is the caller's, not the one that environment: sets "
                                f"for {service.name}; the container's is $${{{name}}}.")
                        yield Hit(file.path, line, what, severity="info")
                elif given:
                    what = (f"${{{name}}} is empty: {given} is an env_file, which the container "
                            "gets; ${…} is read from .env, --env-file and the shell.")
                    yield Hit(file.path, line, what)
                else:
                    what = f"${{{name}}} is empty unless somebody exports it."
                    yield Hit(file.path, line, what)
