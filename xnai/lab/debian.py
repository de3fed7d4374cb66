"""What Debian offers at this moment: to know whether a machine deployed earlier still is what a
deploy would make today."""

from __future__ import annotations

import hashlib
import http.client
import tempfile
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from xnai.lab.apt import AptRoot, mirror

TIMEOUT_S = 15.0


def sources(release: str) -> dict[str, str]:
    """The suites that a machine of the lab installs from.

    Args:
        release: Debian's code name.

    Returns:
        The mirror's address by suite.
    """
    return {
        release: mirror(),
        f"{release}-updates": mirror(),
        f"{release}-security": f"{mirror()}-security",
    }


def state(release: str) -> dict[str, str] | None:
    """Digests of the suites' signed indexes; any new package changes one.

    Args:
        release: Debian's code name.

    Returns:
        SHA-256 by suite; None where the mirror does not answer.
    """
    found = {}
    for suite, address in sources(release).items():
        try:
            # The mirror's address is the user's own setting.
            with urllib.request.urlopen(  # noqa: S310
                f"{address}/dists/{suite}/InRelease", timeout=TIMEOUT_S
            ) as answer:
                found[suite] = hashlib.sha256(answer.read()).hexdigest()
        except (OSError, ValueError, http.client.HTTPException):
            return None
    return found


def outdated(release: str, installed: Mapping[str, str], work: Path) -> list[str]:
    """Packages of which a machine installed today would have another version.

    Args:
        release: Debian's code name.
        installed: version by package.
        work: the folder in which a passing folder for apt's lists is made.

    Returns:
        Names, sorted.

    Raises:
        LabError: the mirror cannot be reached or is not signed by Debian.
    """
    with tempfile.TemporaryDirectory(prefix="apt-", dir=work) as folder:
        root = AptRoot(Path(folder), sources(release), Path(folder) / "apt.log")
        root.update()
        offered = root.versions(".+")
    return sorted(
        name for name, version in installed.items() if offered.get(name, version) != version
    )

