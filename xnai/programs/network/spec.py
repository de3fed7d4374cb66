"""What the program on the host is told of proxy and credentials; nothing in it is secret."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

DIRECTORY = "/run/xnai-network"
"""Where the program lays what one pull or build needs, for the stack's user; in memory."""


@dataclass(frozen=True)
class NetworkSpec:
    """Proxy and credentials of pulls and builds.

    Attributes:
        proxy_url: http address without credentials, or empty for none.
        exceptions: hosts that are reached without it.
        netrc_file: path on the host of the credentials of proxy, index and mirrors, or empty.
        auth_file: path on the host of the credentials of registries, or empty.
        user: whose Podman pulls and builds.
    """

    proxy_url: str
    exceptions: tuple[str, ...]
    netrc_file: str
    auth_file: str
    user: str

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing to prepare."""
        return not (self.proxy_url or self.netrc_file or self.auth_file)

    def text(self) -> str:
        """Return it as JSON."""
        return json.dumps(dataclasses.asdict(self))


def parse(text: str) -> NetworkSpec:
    """Return what NetworkSpec.text() wrote."""
    values = json.loads(text)
    return NetworkSpec(**values | {"exceptions": tuple(values["exceptions"])})
