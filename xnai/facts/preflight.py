"""The one fact behind preflight: everything it needs to know about a host, read in one command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from pyinfra.api.command import StringCommand
from pyinfra.api.facts import FactBase

from xnai.facts.machine.model import PreflightFacts
from xnai.facts.machine.parse import parse
from xnai.facts.machine.probe import script


class Preflight(FactBase[PreflightFacts]):
    """Return `PreflightFacts` of the host; reads only, needs POSIX sh and coreutils there."""

    abstract = False

    @staticmethod
    def default() -> PreflightFacts:
        """Return facts in which everything is unknown."""
        return PreflightFacts()

    def command(
        self,
        sysctl_keys: Sequence[str] = (),
        ports: Sequence[int] = (),
        stack_user: str = "xnai",
        paths: Sequence[str] = (),
        named: Sequence[str] = (),
        own_paths: Mapping[str, str] = MappingProxyType({}),
        urls: Sequence[str] = (),
        urls_when: str = "fresh",
        zram_conf: tuple[str, str] | None = None,
        network: bytes = b"",
    ) -> StringCommand:
        """Return the script; the arguments are those of `xnai.facts.machine.probe.script`."""
        return StringCommand(
            script(
                sysctl_keys=sysctl_keys,
                ports=ports,
                stack_user=stack_user,
                paths=paths,
                named=named,
                own_paths=own_paths,
                urls=urls,
                urls_when=urls_when,
                zram_conf=zram_conf,
                network=network,
            )
        )

    def process(self, output: list[str]) -> PreflightFacts:
        """Return what the lines of `output` tell; `[]` makes everything unknown."""
        return parse(output)
