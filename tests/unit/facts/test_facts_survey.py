"""Four facts by one command: each says what it would have said alone."""

from __future__ import annotations

import os
import subprocess

import pytest
from fact_fixtures import output, plain

from xnai.facts.containers import Containers
from xnai.facts.memory import Memory
from xnai.facts.podman import Store
from xnai.facts.podman_call import XNAI_PODMAN
from xnai.facts.preflight import Preflight
from xnai.facts.survey import Survey

STORE = {
    "stack": "xnai", "secrets": ["a"], "containers": ["c"], "paths": ["/etc/passwd"],
    "wants": "/no/such",
}
ASKED = {
    "machine": {"sysctl_keys": ("vm.swappiness",)},
    "memory": {"packages": ["podman"], "paths": ["/etc/fstab"], "keys": ["vm.swappiness"]},
    "containers": {
        "packages": ["podman"], "paths": [], "home_paths": [], "directories": ["/etc"],
        "certificates": [], "stack_user": "no-such-user", "compose": "/no/such",
    },
    "store": STORE,
}


def ran(shell: str, text: str, **environment: str) -> list[str]:
    done = subprocess.run(
        [shell, "-c", text], env=os.environ | environment, capture_output=True, text=True,
        check=True, timeout=120,
    )
    return done.stdout.splitlines()


@pytest.fixture
def podman(tmp_path):
    """A Podman that has one image and nothing else."""
    program = tmp_path / "xnai-podman"
    program.write_text(
        "#!/bin/sh\nsleep 0.2\n[ $1 = ps ] || echo '[]'\n"
    )
    program.chmod(0o755)
    return str(program)


@pytest.mark.parametrize(("shell", "room"), [("sh", True), ("bash", True), ("sh", False)])
def test_each_fact_says_what_it_would_say_alone(shell, room, podman, tmp_path):
    kept = tmp_path / "kept"
    if room:
        kept.mkdir()
    text = Survey().command(**ASKED).replace(XNAI_PODMAN, podman)
    found = Survey().process(ran(shell, text, TMPDIR=str(kept)))
    store = str(Store().command(**STORE)).replace(XNAI_PODMAN, podman)
    assert plain(found.store) == plain(Store().process(ran(shell, store, TMPDIR=str(kept))))
    assert plain(found.store)["images"] == ([] if room else "unknown")
    assert list(found.store.files) == ["/etc/passwd"]
    alone = Memory().process(ran(shell, Memory().command(**ASKED["memory"])))
    assert found.memory.sysctls == alone.sysctls and found.memory.files == alone.files
    assert found.containers == Containers().process(
        ran(shell, Containers().command(**ASKED["containers"]))
    )
    machine = Preflight().process(ran(shell, str(Preflight().command(**ASKED["machine"]))))
    assert found.machine.os_release == machine.os_release
    assert found.machine.os_release == machine.os_release
    assert found.machine.sysctl_live == machine.sysctl_live
    assert not room or list(kept.iterdir()) == []


def whole() -> list[str]:
    return [
        "@@@ machine", "@@@ memory", *output("Memory", "normal"), "@@@ containers",
        *output("Containers", "normal"), "@@@ store", *output("Store", "normal"), "@@@ end",
    ]


def test_half_an_answer_is_none():
    lines = whole()
    assert all(Survey().process(lines[:count]) is None for count in range(len(lines)))


def test_all_four_are_there():
    lines = whole()
    found = Survey().process(["Last login: yesterday", *lines])
    assert found.memory == Memory().process(output("Memory", "normal"))
    assert plain(found.store) == plain(Store().process(output("Store", "normal")))


@pytest.mark.parametrize("cut", [0, 1, 40, -2])
def test_a_store_that_is_not_whole_is_not_taken_for_an_empty_one(cut):
    """As where there was no room for it: nothing would be set up, and no restore unfinished."""
    lines = [*whole()[:-1 - len(output("Store", "normal"))], *output("Store", "normal")[:cut]]
    found = Survey().process([*lines, "@@@ end"])
    assert found.store is None and found.memory is not None


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_file_without_room_for_the_store(shell, podman):
    """What cannot be written is missing; it is not what Podman said."""
    text = Survey().command(**ASKED | {"machine": {}}).replace(XNAI_PODMAN, podman)
    # A file may have no byte, and 25 (SIGXFSZ) kills nobody: writing fails, as on a full disk.
    found = Survey().process(ran(shell, f"ulimit -f 0; trap '' 25\n{text}"))
    assert found.store is None and found.memory is not None


def test_what_a_users_process_prints_is_no_other_part():
    lines = whole()
    forged = [
        "@@@ containers", "@@ own_certificates", "/etc/shadow", "@@ end", "@@@ store", "@@@ end",
    ]
    found = Survey().process([*lines[:-2], *forged, *lines[-2:]])
    assert found.containers == Containers().process(output("Containers", "normal"))
    assert found.store == Store().process(output("Store", "normal"))


def test_a_part_that_broke_off_is_unknown_and_the_others_are_not():
    lines = whole()
    cut = lines.index("@@@ containers") - 2
    found = Survey().process([*lines[:cut], *lines[cut + 2:]])
    assert found.memory is None and found.containers is not None
