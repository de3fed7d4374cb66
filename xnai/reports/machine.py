"""What a machine of yours proves: its versions, tests and baseline in one masked file."""

from __future__ import annotations

import getpass
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pyinfra.api.host import Host

from xnai.baseline.run import earlier, folder_of
from xnai.facts.system import System, SystemFacts
from xnai.images.tree import revision
from xnai.reports import host_tests
from xnai.run.inspect import Answer, Where
from xnai.run.pyinfra import HostFailed
from xnai.triage.ask import HostTriage, triage
from xnai.triage.command import judgement_of
from xnai.triage.masking import each_text, for_sharing

FORMAT = 1
# In the names of directories and containers; they are nobody's.
_KEPT = frozenset({"root", "xnai"})
_MOST_CHARACTERS = 2000


@dataclass(frozen=True)
class SeenMachine:
    """What was read of a host.

    Attributes:
        system: what machine it is.
        triage: what is wrong with it, if anything.
        from_docker_io: whether the base image came from there, and from no mirror.
    """

    system: SystemFacts
    triage: HostTriage
    from_docker_io: bool


def read(host: Host) -> SeenMachine:
    """Read a host.

    Args:
        host: connected.

    Raises:
        HostFailed: it did not answer.
    """
    system = host.get_fact(System)
    if system is None:
        raise HostFailed("could not read what machine it is (uname, /proc/meminfo, systemd)")
    found = triage(host)
    settings = found.settings
    own = settings.base_image.startswith("docker.io/")
    return SeenMachine(system, found, own and "docker.io" not in settings.registry_mirrors)


_Proof = Callable[[SeenMachine], bool]
PROOFS: Mapping[str, _Proof] = {
    "a physical machine": lambda one: one.system.virtualisation == "none",
    "a physical laptop": lambda one: (
        one.system.virtualisation == "none" and one.system.portable is True
    ),
    "a real desktop session": lambda one: bool(one.system.on_screen),
    "Ubuntu 24.04": lambda one: one.system.distribution.startswith("Ubuntu 24.04"),
    "systemd-oomd with Ubuntu's defaults": lambda one: (
        one.system.oomd and one.system.distribution.startswith("Ubuntu")
    ),
    "images from docker.io": lambda one: one.from_docker_io,
    "arm64": lambda one: one.system.architecture == "aarch64",
}
"""Rows of README's table that were not proven -> whether a healthy machine like this proves it."""


def proven(one: SeenMachine, tests: Mapping[str, Any]) -> list[str]:
    """Return the rows that a machine proves: none where a test failed, or did not run.

    Args:
        one: the machine.
        tests: what host_tests.run returned.
    """
    if tests.get("failed", 1) or not tests.get("passed"):
        return []
    return [row for row, proves in PROOFS.items() if proves(one)]


def bundle(
    answers: Sequence[Answer[SeenMachine]], data: Mapping[str, Mapping[str, Any]], where: Where,
    baselines: Path, made: str,
    tested: Callable[[str, Mapping[str, Any], Where], dict[str, Any]] = host_tests.run,
) -> dict[str, Any]:
    """Return the bundle of all hosts, masked.

    Args:
        answers: of the hosts.
        data: host -> what the inventory says of it.
        where: which inventory.
        baselines: where `xnai baseline` has written.
        made: when, as text.
        tested: runs tests/host against a host of that name and data.
    """
    found: dict[str, Any] = {"format": FORMAT, "made": made, "xnai": revision(), "hosts": {}}
    hidden = [name for one in answers for name in _names(one, data[one.host])]
    for number, one in enumerate(answers, 1):
        found["hosts"][f"host-{number}"] = (
            {"error": one.error} if one.value is None
            else _of_host(one.host, one.value, tested(one.host, data[one.host], where), baselines)
        )
    masked: dict[str, Any] = each_text(found, lambda text: _masked(text, hidden))
    return masked


def _names(one: Answer[SeenMachine], data: Mapping[str, Any]) -> list[str]:
    """What tells whose the machine is, of one that did not answer too."""
    seen = one.value.triage.names if one.value else ()
    known = (one.host, getpass.getuser(), data.get("ssh_user"), data.get("ssh_hostname"), *seen)
    return [str(name) for name in known if name]


def _masked(text: str, names: Sequence[str]) -> str:
    """A text without these names, in paths and addresses too, and not longer than needed."""
    text = for_sharing(text, names)
    for name in sorted({one for one in names if len(one) > 1 and one not in _KEPT}, key=len)[::-1]:
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "[name]", text)
    return text if len(text) <= _MOST_CHARACTERS else text[:_MOST_CHARACTERS] + " …"


def _of_host(
    name: str, one: SeenMachine, tests: Mapping[str, Any], baselines: Path,
) -> dict[str, Any]:
    measured = earlier(baselines / folder_of(name))
    return {
        "system": asdict(one.system),
        "host_tests": tests,
        "triage": judgement_of(Answer(name, one.triage, "")),
        "baseline": measured[1] | {"host": "", "run": measured[0]} if measured
        else "not measured: xnai baseline",
        "proves": proven(one, tests),
    }


def is_whole(found: Mapping[str, Any]) -> bool:
    """Return whether each host answered and passed its tests."""
    return all(
        "error" not in one and not one["host_tests"].get("failed", 1)
        for one in found["hosts"].values()
    )


def told(found: Mapping[str, Any], file: Path) -> list[str]:
    """Return lines for a person.

    Args:
        found: the bundle.
        file: where it was written.
    """
    said = []
    for name, one in found["hosts"].items():
        if "error" in one:
            said.append(f"[{name}] could not tell: {one['error']}")
            continue
        tests = one["host_tests"]
        words = tests.get("error") or f"{tests['passed']} passed, {tests['failed']} failed"
        said.append(f"[{name}] {one['system']['distribution']}; tests/host: {words}")
        said += [
            f"  {case['test']}: {case.get('words', '')}" for case in tests.get("cases", ())
            if case["outcome"] == "failed"
        ]
        if isinstance(one["baseline"], str):
            said.append(f"  baseline: {one['baseline']}")
        said.append(f"  it proves: {', '.join(one['proves']) or 'nothing that was not proven'}")
    return [*said, f"{file}: names, addresses and passwords are masked; read it before you send it"]


def write(found: Mapping[str, Any], file: Path) -> None:
    """Write the bundle, whole or not at all.

    Raises:
        OSError: it could not be written.
    """
    new = file.with_name(f".{file.name}.new")
    new.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", "utf-8")
    new.replace(file)
