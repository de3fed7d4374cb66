"""What each remedy sends: it mends what it is for, and deletes, opens and publishes nothing."""

from __future__ import annotations

import re
import shlex

import pytest
from operation_runs import commands, on_a_host
from pyinfra.api.exceptions import OperationError
from rendering import stack
from unit_settings import make

from xnai.operations import repair

SETTINGS = make()
PLAN = stack(SETTINGS)
TEXTS = {file.name: file.text for file in PLAN.files.values()}
SERVICES = {service.name: service for service in PLAN.services}


def locked(command):
    """What a command runs under the machine's lock."""
    match = re.search(r" sh -c (.*) \|\| \{ e=", str(command), re.DOTALL)
    return shlex.split(match[1])[0] if match else str(command)


def sent(operation, **arguments):
    with on_a_host(executing=False):
        return [locked(command) for command in commands(operation, **arguments)]


def test_repair_volume_owner_changes_owners_inside_the_namespace_and_no_mode():
    (owner,) = sent(repair.volume_owner, path="/v/a b", owner="999:1000", save="")
    assert owner.startswith("/usr/local/bin/xnai-podman unshare sh -c ")
    assert "chown -h 999:1000" in owner and owner.endswith("sh '/v/a b'")
    assert "chmod" not in owner and "rm " not in owner
    _, save = sent(repair.volume_owner, path="/v", owner="999:1000", save="xnai_redis")
    # The password is read inside, and is no argument.
    assert "redis-cli bgsave" in save and "-a " not in save


def test_repair_recreate_takes_the_last_healthy_generation_and_volumes_stay():
    found = sent(
        repair.recreate, directory="/var/lib/xnai/xnai/stack", texts=TEXTS,
        containers=["xnai_redis", "xnai_rag_api"], read=lambda *_: {}, timeout_s=5,
    )
    remove, *ups = found
    assert re.search(r"rm --force --ignore --time 75 xnai_rag_api xnai_redis$", remove)
    assert "volume" not in remove
    assert [up.split()[-1] for up in ups] == ["redis", "rag_api"]


def test_repair_recreate_without_a_healthy_generation_changes_nothing():
    with on_a_host() as host, pytest.raises(OperationError, match=r"deploy\.py"):
        commands(
            repair.recreate, directory="/x", texts={}, containers=["xnai_redis"],
            read=lambda *_: {}, timeout_s=5,
        )
    assert host.commands == []


def test_repair_files_networks_restart_and_reload_networks():
    (files,) = sent(repair.files, directory="/var/lib/xnai/xnai/stack", names=[*TEXTS])
    assert "good" in files
    made = sent(repair.networks, stack_name="xnai", wanted={"xnai": False, "xnai_data": True})
    assert made == [
        "/usr/local/bin/xnai-podman network create --ignore --label=io.xnai.stack=xnai xnai "
        ">/dev/null",
        "/usr/local/bin/xnai-podman network create --ignore --label=io.xnai.stack=xnai --internal "
        "xnai_data >/dev/null",
    ]
    (restart,) = sent(repair.restart, containers=["xnai_docs"])
    assert restart == "/usr/local/bin/xnai-podman restart xnai_docs >/dev/null"
    (reload_,) = sent(repair.reload_networks, containers=["xnai_docs"])
    assert reload_ == "/usr/local/bin/xnai-podman network reload xnai_docs >/dev/null"


def test_repair_role_password_sends_a_program_and_no_value():
    with on_a_host(executing=False):
        found = [str(one) for one in commands(
            repair.role_password, database=SERVICES["vikunja_db"],
            home="/var/lib/xnai/xnai/backup",
        )]
    assert any("role-password-" in one and "python3 -I -B" in one for one in found)


def test_repair_image_space_removes_only_what_is_unused_and_ours():
    (prune,) = sent(repair.image_space, stack_name="xnai")
    assert prune == (
        "/usr/local/bin/xnai-podman image prune --force --filter label=io.xnai.stack=xnai "
        ">/dev/null"
    )
    assert "--all" not in prune


def test_repair_verified_looks_when_it_is_executed_alone():
    looked = []
    with on_a_host(executing=False):
        commands(repair.verified, check=lambda: looked.append(1))
    assert looked == []
    with on_a_host():
        commands(repair.verified, check=lambda: looked.append(1))
    assert looked == [1]
