"""A checkout's compose file, service by service."""

from __future__ import annotations

import re
from pathlib import Path

from xnai.audit.compose import ComposeFile, ComposeService
from xnai.audit.options import Options
from xnai.audit.tree import Tree, read_tree
from xnai.sources import container, image
from xnai.sources.model import CheckoutReading, NotTaken, Proposal
from xnai.stack.catalogue import BUILT_IN, SCHEMA, derive, secret_forms, services

# Words in the name of a service, or of its Dockerfile, by which it is known; the first fits.
_WORDS = (
    ("curation_worker", r"curat|worker"),
    ("crawler", r"crawl"),
    ("chainlit_ui", r"chainlit|(^|[-_.])(ui|frontend|chat)($|[-_.])"),
    ("rag_api", r"(^|[-_.])rag($|[-_.])|(^|[-_.])api($|[-_.])|backend"),
    ("docs", r"(^|[-_.])docs?($|[-_.])|mkdocs"),
    ("llm", r"(^|[-_.])(llm|llama|model)"),
    ("awq", r"awq"),
)
_ALREADY = (
    ("redis", "the stack's own Redis: its address is redis:6379"),
    ("valkey", "the stack's own Redis: its address is redis:6379"),
    ("vikunja", "the stack's own Vikunja"),
    ("postgres", "the stack's own PostgreSQL serves Vikunja alone"),
)
# Images of other languages' programs, and of web servers.
_OTHER = re.compile(
    r"(^|/)(node|nginx|caddy|golang|rust|ruby|php|openjdk|eclipse-temurin|babashka|clojure|elixir|"
    r"dotnet|gradle|maven|swift)(?=[:@-]|$)"
)
_PREFERRED = re.compile(r"(docker-)?compose\.ya?ml")


class NoCompose(Exception):
    """A checkout has no compose file with services."""


def read(root: Path, compose: str = "") -> CheckoutReading:
    """Return what a checkout's compose file has for our services; nothing of it is run.

    Args:
        root: the checkout.
        compose: path of the compose file below it; by default the one with the most services that
            are built, docker-compose.yml before others.

    Raises:
        NoCompose: there is none.
    """
    tree = read_tree(root, Options(tools=False, cache=False))
    file = _file(tree, compose)
    secrets, known = _stack()
    proposals: list[Proposal] = []
    others = []
    for service in file.services:
        path = file.dockerfile(service)
        parsed = tree.dockerfile(path)
        instead = already(service)
        if parsed and (other := _OTHER.search(parsed.root_image())):
            instead = f"its image is of {other[2]}, and services here are Python"
        ours = None if instead else ours_of(file, service)
        if ours is None or any(ours == one.service for one in proposals):
            others.append((service.name, service.line(), instead))
            continue
        proposal = Proposal(ours, service.name, {"context": str(root.resolve())})
        if parsed:
            image.take(parsed, file.context(service), proposal)
        elif service.build is not None:
            proposal.not_taken.append(NotTaken(
                file.path, service.line("build"), "build",
                f"{path or 'its Dockerfile'} is not there",
            ))
        command = None if ours == "docs" else service.data.get("command")
        if isinstance(command, list):
            proposal.source["command"] = [str(word) for word in command]
        elif isinstance(command, str) and command:
            proposal.source["command"] = ["sh", "-c", f"exec {command}"]
        container.take(file, service, proposal, secrets, known[ours])
        proposals.append(proposal)
    return CheckoutReading(str(root.resolve()), file.path, tuple(proposals), tuple(others))


def _file(tree: Tree, wanted: str) -> ComposeFile:
    files = [one for one in tree.composes if one.services and wanted in ("", one.path)]
    if not files:
        raise NoCompose(f"{tree.root}: no compose file with services{wanted and ' at ' + wanted}")

    def rank(one: ComposeFile) -> tuple[int, int, int]:
        plain = _PREFERRED.fullmatch(one.path.rpartition("/")[2]) is not None
        built = sum(service.build is not None for service in one.services)
        return (plain, built, -one.path.count("/"))

    return max(files, key=rank)


def ours_of(file: ComposeFile, service: ComposeService) -> str | None:
    """Return the name of our service that one of theirs can stand in for, or None."""
    own = {one.name for one in BUILT_IN if one.has_own_tree}
    texts = [service.name, (file.dockerfile(service) or "").rpartition("/")[2].lower()]
    if service.build is None and not service.text("image").startswith("localhost/"):
        return None
    for text in texts:
        for ours, words in _WORDS:
            if ours in own and re.search(words, text.lower()):
                return ours
    return None


def already(service: ComposeService) -> str:
    """Return what of the stack stands in for a service of a registry's image, or nothing."""
    name = f"{service.text('image')} {service.name}".lower()
    if service.build is not None:
        return ""
    return next((said for word, said in _ALREADY if word in name), "")


def _stack() -> tuple[list[str], dict[str, container.Replaced]]:
    """The stack's secrets, without its name, and what must be known of its services."""
    checked = {one.name: one.check(one.default) for one in SCHEMA.declarations.values()}
    settings = derive(checked, 16 << 20, "UTC")
    prefix = f"{settings.stack_name}_"
    secrets = sorted(
        name.removeprefix(prefix) for forms in secret_forms(settings) for name in forms
    )
    ports = {one.name: one.port for one in services(settings)}
    return secrets, {
        one.name: container.Replaced(
            ports.get(one.name), one.memory.lowest_mib if one.memory else 1
        )
        for one in BUILT_IN
    }
