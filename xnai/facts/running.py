"""Containers as they are at this moment: for waiting, and for those that nobody wants any more."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Sequence

from pyinfra.api.facts import FactBase

from xnai.facts.cgroups import SCRIPT as CGROUPS
from xnai.facts.cgroups import parse_cgroups
from xnai.facts.podman import Container, parse_containers
from xnai.facts.podman_call import ASK_PODMAN, OK, answer, inspect, inspected, of_stack
from xnai.facts.sections import script, split

# Asks a URL of this machine, past any proxy; the host's Python is there for our programs.
_ASK_URL = (
    "timeout --kill-after=1 10 python3 -I -c 'import sys, urllib.request as u; "
    "u.build_opener(u.ProxyHandler({})).open(sys.argv[1], timeout=8)' "
)


class OfStack(FactBase[frozenset[str]]):
    """Names of all containers that were made from a compose file of ours; none where unknown."""

    def command(self, stack: str) -> str:
        """Return the script.

        Args:
            stack: the stack's name, in its containers' label.
        """
        return script({"of_stack": f"{of_stack(stack)} && echo {OK}"})

    @staticmethod
    def default() -> frozenset[str]:
        """Nothing could be read."""
        return frozenset()

    def process(self, output: list[str]) -> frozenset[str]:
        """Parse the section."""
        return frozenset(answer(split(output).get("of_stack", [])) or ())


class Running(FactBase[dict[str, Container]]):
    """Containers alone, for waiting; those that are missing or cannot be read are left out."""

    def command(self, containers: Sequence[str], check: str = "", ready_url: str = "") -> str:
        """Return the script.

        Args:
            containers: names of containers, at least one.
            check: name of a container whose health check is run now, as its interval is long; or
                empty.
            ready_url: URL of that container, asked only once its check has passed; or empty. A
                server may end when it is asked while its database is away.
        """
        name = shlex.quote(check)
        checks = f"{ASK_PODMAN} healthcheck run {name} >&2"
        inspects = f"{inspect('container', containers)} && echo {OK}"
        sections = {"containers": inspects, "cgroups": CGROUPS}
        if check and ready_url:
            asks = f"{_ASK_URL}{shlex.quote(ready_url)} >&2"
            sections = {"answers": f"echo {name}; {checks} && {asks} && echo {OK}"} | sections
        elif check:
            sections["containers"] = f"{checks}; {inspects}"
        return script(sections)

    @staticmethod
    def default() -> dict[str, Container]:
        """Nothing could be read."""
        return {}

    def process(self, output: list[str]) -> dict[str, Container]:
        """Parse the sections."""
        found = split(output)
        containers = parse_containers(
            inspected(found.get("containers", [])) or [], parse_cgroups(found.get("cgroups", []))
        )
        for name in found.get("answers", [])[:1]:
            if name in containers:
                said = answer(found["answers"]) is not None
                containers[name] = dataclasses.replace(containers[name], answers=said)
        return containers
