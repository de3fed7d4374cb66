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

_MAX_FILES = 500


def _elsewhere(tree: Tree, name: str) -> bool:
    """Whether a YAML file with services and another name, such as base.yml, has it."""
    judged = {one.path for one in tree.composes}
    others = {path for path in tree.files if path.endswith((".yml", ".yaml"))} - judged
    for path in sorted(others, key=lambda one: (one.count("/"), one))[:_MAX_FILES]:
        text = tree.text(path)
        if re.search(r"(?m)^services:", text) and re.search(rf"(?m)^\s+{re.escape(name)}:", text):
            return True
    return False


class ComposeUndefinedReference(Rule):
    """A name that no section of the file, or of those that it is merged with, has."""

    id = "compose_undefined_reference"
    severity = "error"
    title = "used and not defined"
    remedy = "Define it at the top level, or mend the name."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield each undefined name; files beside count, since they are merged with -f."""
        for file in tree.composes:
            beside = partners(tree, file)
            if beside is None or any("include" in one.data for one in beside):
                continue
            for section in ("networks", "volumes", "secrets", "configs", "depends_on"):
                known = {
                    name for one in beside for name in (
                        one.section(section) if section != "depends_on"
                        else [service.name for service in one.services]
                    )
                }
                # An example of an override tells what a user's own will define.
                known |= {
                    name for path in tree.files
                    if re.search(r"compose[\w.-]*\.ya?ml\.\w+$", path)
                    and posixpath.dirname(path) == file.directory
                    for name in re.findall(r"(?m)^\s+([\w.-]+):", tree.text(path))
                }
                for service in file.services:
                    for name, line in _used(file, service, section).items():
                        if name not in known and "$" not in name \
                                and not _elsewhere(tree, name):
                            what = f"{service.name}: {section} names '{name}', which is not there."
                            yield Hit(file.path, line, what)
