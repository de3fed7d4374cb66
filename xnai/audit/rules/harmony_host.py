"""Addresses of services that no compose file has."""

from __future__ import annotations

import difflib
import posixpath
import re
from collections.abc import Iterator

from xnai.audit.compose import ComposeFile, ComposeService
from xnai.audit.model import Hit, RuleSeverity
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

_ADDRESS = re.compile(
    r"\b(?:https?|wss?|redis|rediss|postgres(?:ql)?(?:\+\w+)?|mysql(?:\+\w+)?|mongodb|amqp|bolt|"
    r"nats|kafka|grpc|tcp)://(?:[^\s/@\"'$]*@)?([a-z][a-z0-9_-]*):(\d{2,5})(?![\w.])"
)
# Names that mean this machine, or stand for any.
_ANY = frozenset({
    "localhost", "host", "hostname", "server", "example", "domain", "proxy", "myhost", "yourhost",
    "your-host", "my-host", "your-server", "my-server", "ip", "addr", "address", "user",
    "username", "username_here", "db_host", "foo", "bar", "test", "remote", "upstream",
    "backend-host", "api-host", "docker", "gateway", "endpoint", "url", "name", "service",
})
_BESIDE = re.compile(
    r"(^|/)(tests?|testdata|fixtures?|docs?|examples?|samples?|node_modules|k8s|kubernetes|helm|"
    r"charts?|e2e|spec)(/|$)|(^|/)(test_|conftest)|[._-](test|spec)\.\w+$"
)


def _names(tree: Tree) -> frozenset[str]:
    """All names under which a container may be reached in the tree's compose networks."""
    def work() -> frozenset[str]:
        found = set(tree.services)
        for file in tree.composes:
            for service in file.services:
                found |= {service.text("container_name"), service.text("hostname")}
                found |= {re.split(r"[:=]", one)[0] for one in service.names("extra_hosts")}
                found |= {one.partition(":")[2] or one for key in ("links", "external_links")
                          for one in service.names(key)}
                networks = service.data.get("networks")
                for value in (networks if isinstance(networks, dict) else {}).values():
                    aliases = value.get("aliases") if isinstance(value, dict) else None
                    found |= {str(one) for one in aliases or ()}
        return frozenset(found - {""})
    return tree.once("names of hosts", work)


def _near(tree: Tree, name: str) -> str:
    """The service that a name was meant for, if one is much like it."""
    parts = {part for part in re.split(r"[-_]", name) if len(part) > 2}
    for one in sorted(tree.services):
        if parts and parts & set(re.split(r"[-_]", one)):
            return one
    return next(iter(difflib.get_close_matches(name, sorted(tree.services), 1, 0.75)), "")


def _set_names(tree: Tree) -> bool:
    """Whether containers may have names that cannot be told here."""
    return any("$" in service.text("container_name") for file in tree.composes
               for service in file.services)


class HarmonyHost(Rule):
    """http://rag:8000, where the service is named rag_api."""

    id = "harmony_host"
    severity = "warning"
    title = "no service has this host name"
    remedy = "Use the service's name, or give it an alias: networks: {NAME: {aliases: [OTHER]}}."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield addresses in environments, and in the code that images copy."""
        if len(tree.services) < 2 or any("include" in one.data for one in tree.composes):
            return
        for file in tree.composes:
            for service in file.services:
                for value, line in service.environment.values():
                    yield from self._hits(tree, file.path, line, value, service.name)
        folders = {
            file.context(service) for file in tree.composes for service in file.services
            if _builds(file, service)
        }
        for path, text in tree.programs.items():
            if not _BESIDE.search(path) and any(
                folder in {".", ""} or path.startswith(f"{folder}/") for folder in folders
            ):
                for number, written in enumerate(text.split("\n"), 1):
                    written = re.sub(r"\s(#|//)\s.*", "", written)
                    if "://" in written and not written.lstrip().startswith(("#", "//", "*")):
                        who = posixpath.basename(path)
                        yield from self._hits(tree, path, number, written, who)

    def _hits(self, tree: Tree, path: str, line: int, text: str, who: str) -> Iterator[Hit]:
        for match in _ADDRESS.finditer(text):
            name = match[1]
            if name not in _names(tree) | _ANY:
                near = _near(tree, name)
                # Without a name that it was meant for it may be somebody else's machine.
                severity: RuleSeverity = "warning" if near and not _set_names(tree) else "info"
                hint = f"; near: {near}" if near else ""
                yield Hit(path, line, f"{who}: {match[0]}: no service or alias is named '{name}', "
                          f"so its requests fail{hint}.", severity=severity)


def _builds(file: ComposeFile, service: ComposeService) -> bool:
    return service.build is not None and file.dockerfile(service) is not None
