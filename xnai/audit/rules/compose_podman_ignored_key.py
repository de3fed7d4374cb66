"""Keys that podman-compose does not read."""

from __future__ import annotations

from collections.abc import Iterator

from xnai.audit.compose import ComposeFile
from xnai.audit.model import Hit
from xnai.audit.podman_compose import VERSION, ignored
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree


def _included(file: ComposeFile) -> Iterator[Hit]:
    value = file.data.get("include")
    for at, one in enumerate(value if isinstance(value, list) else ()):
        for key in ignored()["include"]:
            if isinstance(one, dict) and key in one:
                line = file.places.get(("include", at, key), 1)
                meant = "its variables are empty" if key == "env_file" else "paths count from here"
                yield Hit(file.path, line,
                          f"podman-compose {VERSION} ignores include's {key}: {meant}.")


class ComposePodmanIgnoredKey(Rule):
    """A key that does nothing where Podman is used."""

    id = "compose_podman_ignored_key"
    severity = "warning"
    title = "podman-compose ignores this key"
    remedy = (
        "Say it in another way: restart: for restart_policy, a bind mount for configs, .env for "
        "include's env_file, devices: for gpus; what only podman knows by --podman-run-args."
    )

    def not_judged(self, tree: Tree) -> str:
        """Return why nothing was judged: it holds of Podman alone."""
        return "" if tree.uses_podman else "the tree does not use Podman"

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield each such key, in trees that use Podman."""
        for file in tree.composes if tree.uses_podman else ():
            yield from _included(file)
            for service in file.services:
                parts = (("service", ()), ("build", ("build",)), ("deploy", ("deploy",)))
                for part, keys in parts:
                    data = service.data.get(part) if keys else service.data
                    for key in ignored()[part]:
                        if isinstance(data, dict) and key in data:
                            name = ".".join((*keys, key))
                            what = f"{service.name}: podman-compose {VERSION} ignores {name}."
                            yield Hit(file.path, service.line(*keys, key), what)
