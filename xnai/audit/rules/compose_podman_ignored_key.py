"""Keys that podman-compose does not read."""

from __future__ import annotations

from collections.abc import Iterator

from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

# Read from the source of podman-compose 1.6.0: keys of the Compose specification whose names it
# never mentions.
IN_SERVICE = ("develop", "attach", "provider", "external_links", "pre_start", "post_start",
              "pre_stop", "configs")
IN_DEPLOY = ("endpoint_mode", "rollback_config", "update_config", "restart_policy", "placement")


class ComposePodmanIgnoredKey(Rule):
    """A key that does nothing where Podman is used."""

    id = "compose_podman_ignored_key"
    severity = "warning"
    title = "podman-compose ignores this key"
    remedy = "Say it in another way: restart: for restart_policy, a bind mount for configs."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield each such key, in trees that use Podman."""
        if not tree.uses_podman:
            return
        for file in tree.composes:
            for service in file.services:
                for key in IN_SERVICE:
                    if key in service.data:
                        what = f"{service.name}: {key} is ignored."
                        yield Hit(file.path, service.line(key), what)
                deploy = service.data.get("deploy")
                for key in IN_DEPLOY:
                    if isinstance(deploy, dict) and key in deploy:
                        yield Hit(
                            file.path, service.line("deploy", key),
                            f"{service.name}: deploy.{key} is ignored.",
                        )
