"""extends of a service that its profile leaves out, which podman-compose does not survive."""

from __future__ import annotations

from collections.abc import Iterator

from xnai.audit.model import Hit
from xnai.audit.podman_compose import VERSION
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree


class ComposePodmanExtendsProfile(Rule):
    """The base of an extends is behind a profile that the service itself is not behind."""

    id = "compose_podman_extends_profile"
    severity = "error"
    title = "extends a service behind another profile"
    remedy = "Take profiles: from the base, give both the same, or extend from a file of its own."

    def not_judged(self, tree: Tree) -> str:
        """Return why nothing was judged: it holds of Podman alone."""
        return "" if tree.uses_podman else "the tree does not use Podman"

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield them in trees that use Podman: it drops services by profile, then extends."""
        for file in tree.composes if tree.uses_podman else ():
            services = {service.name: service for service in file.services}
            for service in file.services:
                value = service.data.get("extends")
                if isinstance(value, dict) and "file" in value:
                    continue
                name = value.get("service") if isinstance(value, dict) else value
                base = services.get(str(name))
                behind = set(base.names("profiles")) if base else set()
                own = set(service.names("profiles"))
                if behind and not (own and own <= behind):
                    yield Hit(
                        file.path, service.line("extends"),
                        f"{service.name}: podman-compose {VERSION} ends with KeyError: '{name}' "
                        f"unless the profile {' or '.join(sorted(behind))} is chosen too.",
                    )
