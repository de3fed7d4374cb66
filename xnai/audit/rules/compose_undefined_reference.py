"""Networks, volumes, secrets and services that are used and not defined."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from xnai.audit.compose import ComposeFile, ComposeService
from xnai.audit.compose_bases import partners
from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

_SECTIONS = ("networks", "volumes", "secrets", "configs", "depends_on")
_MAX_FILES = 500


def _used(file: ComposeFile, service: ComposeService, section: str) -> dict[str, int]:
    """The names of a section that a service uses, each with its line."""
    if section == "volumes":
        return {
            one.source: one.line for one in service.mounts
            if one.source and not one.is_bind and "\\" not in one.source
        }
    names = service.names(section)
    value = service.data.get(section)
    for at, one in enumerate(value if isinstance(value, list) else ()):
        if isinstance(one, dict) and one.get("source"):
            names[str(one["source"])] = service.line(section, at)
    names.pop("default", None)
    return names


def _defined(file: ComposeFile, section: str) -> set[str]:
    return set(file.section(section)) if section != "depends_on" else {
        service.name for service in file.services
    }


def _elsewhere(tree: Tree) -> frozenset[str]:
    """The names in YAML files with services and another name, such as base.yml."""
    def work() -> frozenset[str]:
        judged = {one.path for one in tree.composes}
        others = {path for path in tree.files if path.endswith((".yml", ".yaml"))} - judged
        found = set[str]()
        for path in sorted(others, key=lambda one: (one.count("/"), one))[:_MAX_FILES]:
            text = tree.text(path)
            if re.search(r"(?m)^services:", text):
                found.update(re.findall(r"(?m)^\s+([^\s:#]+):", text))
        return frozenset(found)
    return tree.once("names of other YAML files", work)


def _in_examples(tree: Tree, directory: str) -> frozenset[str]:
    """The names in examples of an override beside, which tell what a user's own will define."""
    def work() -> frozenset[str]:
        return frozenset(
            name for path in tree.files
            if posixpath.dirname(path) == directory
            and re.search(r"compose[\w.-]*\.ya?ml\.\w+$", path)
            for name in re.findall(r"(?m)^\s+([\w.-]+):", tree.text(path))
        )
    return tree.once(f"names of examples in {directory}", work)


def _anywhere(tree: Tree, section: str) -> frozenset[str]:
    return tree.once(f"all {section}", lambda: frozenset(
        name for one in tree.composes for name in _defined(one, section)
    ))


def _of_partners(tree: Tree, file: ComposeFile, section: str) -> frozenset[str] | None:
    """The names that what a file is merged with defines; None where that cannot be told."""
    beside = tree.once(f"partners of {file.path}", lambda: partners(tree, file))
    if beside is None or any("include" in one.data for one in beside):
        return None
    by_path = tree.once(f"{section} by file", lambda: {
        one.path: _defined(one, section) for one in tree.composes
    })
    return frozenset().union(*(by_path[one.path] for one in beside))


class ComposeUndefinedReference(Rule):
    """A name that no section of the file, or of those that it is merged with, has."""

    id = "compose_undefined_reference"
    severity = "error"
    title = "used and not defined"
    remedy = "Define it at the top level, or mend the name."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield each undefined name; what another compose file of the tree defines is info."""
        for file in tree.composes:
            for section in _SECTIONS:
                own = _defined(file, section)
                for service in file.services:
                    for name, line in _used(file, service, section).items():
                        if name in own or "$" in name or self._beside(tree, file, section, name):
                            continue
                        what = f"{service.name}: {section} names '{name}', which is not there"
                        if name in _anywhere(tree, section):
                            yield Hit(file.path, line, f"{what} unless another compose file of "
                                      "this tree is merged with it.", severity="info")
                        else:
                            yield Hit(file.path, line, f"{what}.")

    def _beside(self, tree: Tree, file: ComposeFile, section: str, name: str) -> bool:
        """Whether a file that this one is merged with has the name, or may have it."""
        known = tree.once(
            f"{section} beside {file.path}", lambda: _of_partners(tree, file, section)
        )
        return (
            known is None or name in known or name in _in_examples(tree, file.directory)
            or name in _elsewhere(tree)
        )
