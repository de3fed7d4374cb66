"""Proxy and credentials for what fetches, for as long as that takes."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from functools import cached_property

from xnai.operations.program import Commands, Program
from xnai.programs.network.bundle import bundle, make_spec
from xnai.programs.network.spec import DIRECTORY, NetworkSpec
from xnai.settings.model import Settings

_HOME = "/run/xnai"


@dataclass(frozen=True)
class Network:
    """How commands of one host reach registries, indexes and mirrors.

    Attributes:
        spec: what the program on the host is told.
    """

    spec: NetworkSpec

    @cached_property
    def program(self) -> Program:
        """What lays it ready."""
        return Program(bundle(self.spec), "network", _HOME)

    def send(self) -> Commands:
        """Return the commands that come before `around`; none where there is nothing to prepare."""
        if not self.spec.is_plain:
            yield from self.program.send()

    def around(self, command: str) -> str:
        """Return shell code that runs `command` with all of it ready, and removes it again.

        Args:
            command: shell code; under the machine's lock, so that there is one at a time.
        """
        if self.spec.is_plain:
            return command
        return (
            f"trap 'rm -rf {DIRECTORY}' EXIT; trap 'exit 143' HUP INT TERM; "
            f"python3 -I -B {shlex.quote(self.program.file)} ready || exit 1; "
            f"export XNAI_NETWORK={DIRECTORY}; {command}"
        )

    @property
    def pull_words(self) -> tuple[str, ...]:
        """Options of `podman pull`."""
        return ("--authfile", f"{DIRECTORY}/auth.json") if self.spec.auth_file else ()

    @property
    def build_words(self) -> tuple[str, ...]:
        """Options of `podman build`: files that its RUN steps see, and that no image keeps."""
        if not self.spec.netrc_file:
            return ()
        return (
            "--volume", f"{DIRECTORY}/netrc:/root/.netrc:ro",
            "--volume", f"{DIRECTORY}/apt.conf:/etc/apt/auth.conf.d/90-xnai.conf:ro",
        )

    @property
    def pip(self) -> str:
        """Shell code that comes before root's own pip, ending in a blank; or nothing."""
        if self.spec.is_plain:
            return ""
        return '. "$XNAI_NETWORK/environment" && NETRC="$XNAI_NETWORK/netrc" '


DIRECT = Network(NetworkSpec("", (), "", "", ""))
"""Without a proxy and without credentials."""


def of(settings: Settings) -> Network:
    """Return a host's."""
    return Network(make_spec(settings))
