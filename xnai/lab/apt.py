"""A throw-away apt root: verified downloads from a suite that the host need not have."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from xnai.lab.errors import LabError
from xnai.lab.proc import run_logged

MIRROR_VARIABLE = "XNAI_LAB_DEBIAN_MIRROR"
DEFAULT_MIRROR = "http://deb.debian.org/debian"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def mirror() -> str:
    """The Debian mirror in use.

    Returns:
        ``$XNAI_LAB_DEBIAN_MIRROR`` or deb.debian.org.
    """
    return os.environ.get(MIRROR_VARIABLE, DEFAULT_MIRROR)


class AptRoot:
    """An apt of its own below one folder, without root and without the host's sources.

    Args:
        root: folder for lists, downloads and configuration.
        suites: mirror by Debian suite, such as trixie-backports.
        log: file that apt's output is added to.
    """

    def __init__(self, root: Path, suites: Mapping[str, str], log: Path) -> None:
        self.root = root
        self.log = log
        for part in ("lists/partial", "cache/archives/partial", "etc"):
            (root / part).mkdir(parents=True, exist_ok=True)
        (root / "status").touch()
        (root / "etc" / "lab.sources").write_text(
            "\n".join(
                f"Types: deb\nURIs: {address}\nSuites: {suite}\nComponents: main\n"
                f"Signed-By: {KEYRING}\n"
                for suite, address in suites.items()
            )
        )

    def _options(self) -> list[str]:
        values = {
            "Dir::State": self.root,
            "Dir::State::Lists": self.root / "lists",
            "Dir::State::status": self.root / "status",
            "Dir::Cache": self.root / "cache",
            "Dir::Etc::sourcelist": "/dev/null",
            "Dir::Etc::sourceparts": self.root / "etc",
            "Dir::Etc::main": "/dev/null",
            "Dir::Etc::parts": "/dev/null",
            "APT::Architecture": "amd64",
            "APT::Sandbox::User": "",
        }
        return [word for key, value in values.items() for word in ("-o", f"{key}={value}")]

    def update(self) -> None:
        """Fetch the package lists and check their signature.

        Raises:
            LabError: the mirror cannot be reached or is not signed by Debian.
        """
        run_logged(
            ["apt-get", *self._options(), "-o", "APT::Update::Error-Mode=any", "update"], self.log
        )

    def versions(self, pattern: str) -> dict[str, str]:
        """The newest version of every package whose name matches.

        Args:
            pattern: a regular expression that matches the whole name.

        Returns:
            Versions by package name.
        """
        out = subprocess.run(
            ["apt-cache", *self._options(), "dumpavail"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        return parse_versions(out, pattern)

    def download(self, package: str, version: str) -> Path:
        """Download one package, its checksum compared with the signed list.

        Args:
            package: its name.
            version: the version wanted.

        Returns:
            The .deb file.

        Raises:
            LabError: the download failed or did not match its checksum.
        """
        target = self.root / "debs"
        target.mkdir(exist_ok=True)
        run_logged(
            ["apt-get", *self._options(), "download", f"{package}={version}"],
            self.log,
            cwd=target,
        )
        found: Sequence[Path] = sorted(target.glob(f"{package}_*.deb"))
        if not found:
            raise LabError(f"apt downloaded no {package} {version}", todo=f"read {self.log}")
        return found[-1]


def parse_versions(available: str, pattern: str) -> dict[str, str]:
    """Read names and versions from apt's list of available packages.

    Args:
        available: stanzas as of ``apt-cache dumpavail``, the newest of a name first.
        pattern: a regular expression that matches the whole name.

    Returns:
        Versions by package name.
    """
    found: dict[str, str] = {}
    for stanza in available.split("\n\n"):
        fields = dict(re.findall(r"^(Package|Version): (\S+)$", stanza, re.MULTILINE))
        name = fields.get("Package", "")
        if re.fullmatch(pattern, name):
            found.setdefault(name, fields.get("Version", ""))
    return found
