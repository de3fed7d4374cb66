"""Environment names that a known service does not read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from xnai.audit.compose import ComposeService
from xnai.audit.known_images import (
    POSTGRES,
    POSTGRES_READS,
    REDIS,
    VIKUNJA,
    VIKUNJA_SECTIONS,
)
from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

_NOW = "VIKUNJA_SERVICE_SECRET"
_BEFORE = "VIKUNJA_SERVICE_JWTSECRET"
_LIST = ", ".join(sorted(one for one in POSTGRES_READS if not one.endswith("_FILE")))


def _vikunja(image: str, name: str, value: str, others: set[str]) -> str:
    section, _, key = name.removeprefix("VIKUNJA_").partition("_")
    if name in {"VIKUNJA_JWT_SECRET", "VIKUNJA_JWTSECRET", "VIKUNJA_SERVICE_JWT_SECRET"}:
        return f"Vikunja reads no {name}: it is {_NOW} (before 2.3 {_BEFORE})."
    version = re.search(r":v?(\d+)\.(\d+)", image)
    at = (int(version[1]), int(version[2])) if version else None
    if at and at < (2, 3) and name.removesuffix("_FILE") == _NOW:
        return f"Vikunja {at[0]}.{at[1]} reads no {name}: it is {_BEFORE}."
    if at in {(2, 3), (2, 4)} and name.removesuffix("_FILE") == _BEFORE \
            and not others & {_NOW, f"{_NOW}_FILE"}:
        return f"Vikunja {at[0]}.{at[1]} takes no notice of {name}: it is {_NOW}."
    if section not in VIKUNJA_SECTIONS or not key:
        return f"Vikunja reads no {name}: no section of its configuration is named {section}."
    if (section, key) == ("REDIS", "HOST") and ":" not in value and "$" not in value:
        return f"VIKUNJA_REDIS_HOST wants host:port, and is '{value}'."
    return ""


class ComposeKnownEnvironment(Rule):
    """A name with the service's own prefix that nothing in it reads, or a value it cannot take."""

    id = "compose_known_environment"
    severity = "warning"
    title = "the service does not read this"
    remedy = "Use the name that the image's documentation has; see the finding."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield them for Vikunja, Redis and Postgres."""
        for file in tree.composes:
            for service in file.services:
                for name, (value, line) in service.environment.items():
                    # What several services share is there for the others.
                    if name not in file.lines[line - 1] or line < service.line():
                        continue
                    what = self._wrong(service, name, value)
                    if what:
                        yield Hit(file.path, line, f"{service.name}: {what}")

    def _wrong(self, service: ComposeService, name: str, value: str) -> str:
        image = service.text("image")
        elsewhere = json.dumps([service.data.get("command"), service.data.get("entrypoint"),
                                service.data.get("healthcheck")])
        # The command reads it, or reads what it is made of.
        if any(f"${one}" in elsewhere or f"${{{one}" in elsewhere
               for one in (name, *re.findall(r"\$\{?(\w+)", value))):
            return ""
        if VIKUNJA.fullmatch(image) and name.startswith("VIKUNJA_"):
            return _vikunja(image, name, value, set(service.environment))
        if REDIS.fullmatch(image) and name.startswith("REDIS_"):
            return f"the Redis image reads no {name}; say it in command: redis-server --requirepass"
        # Host and port are there for clients that share the environment.
        if POSTGRES.fullmatch(image) and name.startswith("POSTGRES_") \
                and name not in POSTGRES_READS | {"POSTGRES_HOST", "POSTGRES_PORT"}:
            return f"the Postgres image reads no {name}; it reads {_LIST}."
        return ""

