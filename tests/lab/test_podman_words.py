"""The table of Podman's words, held against the programs: 4.3.1 of Debian 12, 5.4.2 of Debian 13.

4.3.1 refuses `compose`, so no stack can be deployed with it; its --help proves which words are at
least as old. Of 4.4 to 4.9 none is to be had here: those words stand in Podman's release notes.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from xnai.lab.apt import AptRoot, mirror
from xnai.lab.paths import cache_dir

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from podman_words import TABLE, since

pytestmark = pytest.mark.lab
_PACKAGES = (
    "podman|libgpgme11|libseccomp2|libsubid4|libdevmapper1.02.1|libassuan0|libgpg-error0"
)


@pytest.fixture(scope="module")
def oldest():
    """Debian 12's Podman, unpacked in the lab's cache: a function that returns a --help."""
    home = cache_dir() / "podman-bookworm"
    if not (home / "files").exists():
        home.mkdir(parents=True, exist_ok=True)
        debian = AptRoot(home / "apt", {"bookworm": mirror()}, home / "log")
        debian.update()
        for package, version in debian.versions(_PACKAGES).items():
            deb = debian.download(package, version)
            subprocess.run(["dpkg-deb", "-x", deb, home / "new"], check=True)
        (home / "new").rename(home / "files")
    libraries = {str(path.parent) for path in (home / "files").rglob("*.so*")}

    def help_of(*words: str) -> str:
        return subprocess.run(
            [home / "files/usr/bin/podman", *words], capture_output=True, text=True, check=False,
            env={**os.environ, "LD_LIBRARY_PATH": ":".join(sorted(libraries))},
        ).stdout

    assert "4.3.1" in help_of("--version")
    return help_of


def options(text: str) -> set[str]:
    """The long options that a --help lists."""
    return set(re.findall(r"^\s+(?:-\w, )?--([a-z][a-z-]+)", text, re.MULTILINE))


@pytest.mark.parametrize("command", TABLE["commands"])
def test_what_4_3_1_knows_and_what_it_does_not(command, oldest):
    said = oldest(*command.split(), "--help")
    knows = f"podman {command} " in said or f"podman {command}\n" in said
    assert knows == (since(command) is None)
    if knows:
        for option in TABLE["commands"][command]:
            assert (option in options(said)) == (since(command, option) is None), option


def test_what_debian_13s_podman_knows(deployed):
    ask = "; ".join(f"echo '# {c}'; xnai-podman {c} --help" for c in TABLE["commands"]
                    if c != "compose")
    parts = re.split(r"^# (.*)\n", deployed.run(ask).stdout, flags=re.MULTILINE)
    for command, said in zip(parts[1::2], parts[2::2], strict=True):
        missing = set(TABLE["commands"][command]) - options(said)
        assert not missing, (command, missing)
