"""A bare machine becomes right by one run, and is what the copies of it are."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack

import pytest

from tests.lab import clones
from tests.lab.host_tests import host_tests_pass
from tests.lab.state_of import everything, provisioned
from xnai.facts.configuration import parse_configuration
from xnai.lab.deploying import deploy

pytestmark = pytest.mark.lab

# What two machines that are the same may differ in, each with its reason.
OF_ITS_OWN = (
    # Who it is: written at each boot, or made at the first.
    r"/etc/(hostname|hosts|machine-id|resolv\.conf|ssh/ssh_host_\S+)|/root/\.ssh/\S+",
    # Dates of passwords, and what passwd(5)'s tools and dpkg keep of the state before.
    r"/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?|/var/lib/dpkg/status-old",
    # What Podman calls layers, containers and networks, and what runs in them.
    r"/home/xnai/\.local/share/containers(/\S*)?|/home/xnai/\.cache(/\S*)?",
    # What runs writes when it likes; what was built, when, and of which commit; what apt fetched.
    r"/var/lib/systemd(/\S*)?|/var/lib/private(/\S*)?|/var/tmp(/\S*)?",
    r"/var/lib/xnai/before\.json|/var/lib/xnai/xnai/build/\S+\.(log|rc|sh)",
    r"/var/lib/xnai/xnai/good/\S*",
    # Compiled at first use.
    r"\S+/__pycache__(/\S*)?",
    r"/lost\+found",
)


def differences(one, other) -> list[str]:
    """Every line of what two machines are that only one has, but for what is its own."""
    allowed = re.compile("(?:" + "|".join(OF_ITS_OWN) + ")")
    found = []
    mine, others = everything(one), everything(other)
    for section, lines in mine.items():
        for sign, some in (("-", lines - others[section]), ("+", others[section] - lines)):
            for line in sorted(some):
                words = line.split()
                path = next((word for word in words if word.startswith("/")), "")
                if not allowed.fullmatch(path):
                    found.append(f"{section}: {sign} {line}")
    return found


def containers(machine) -> dict[str, object]:
    """Container -> how it was made, without the names that Podman gives."""
    said = machine.run("xnai-podman inspect $(xnai-podman ps --all --quiet)").stdout
    return {
        item["Name"]: (
            repr(parse_configuration(item)), item["ImageName"], item["Config"].get("Healthcheck"),
            item["State"]["Status"],
        )
        for item in json.loads(said)
    }


def test_a_bare_machine_is_right_after_one_run_and_equals_its_copies(
    new_machine, request, progress
):
    backend = request.config.getoption("--backend")
    name = clones.key(backend, progress)
    base = clones.found(name, progress).directory
    print(f"compared with a copy of {'an earlier' if base else 'this very'} deploy")
    with ExitStack() as until_kept:
        if base is None:
            # Who needs a copy waits for this one.
            until_kept.enter_context(clones.locked("base"))
        one = new_machine("first")
        outcome = deploy(one)
        assert outcome.code == 0, outcome.log
        assert outcome.changed
        state = provisioned(one)
        if base is None:
            base = clones.keep(one, name, progress)
    copy = clones.lend(base, backend, progress)
    try:
        assert provisioned(copy) == state == clones.reference(base)
        # The copy has booted since: what packages have made at a boot, this one gets now.
        one.run("systemd-tmpfiles --create --boot", check=False)
        assert "\n".join(differences(one, copy)) == ""
        assert containers(one) == containers(copy)
    except BaseException:
        copy.down()
        raise
    clones.give_back(copy, base)
    host_tests_pass(one)
