"""Which remedies are chosen, in which order, and what reaches the host of each."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path += [str(Path(__file__).parents[1] / name) for name in ("", "tasks", "facts", "triage")]

from looked import SETTINGS, looked, triaged
from pyinfra.api.host import Host
from task_runs import told

import tasks.repair
from xnai.operations import healthy
from xnai.triage.observation import HOST, Observation
from xnai.triage.repairs import repairs

OWNER = Observation(
    "volume", "xnai_redis", "xnai_redis_data at /data owner=0 user=999 mode=755 not writable"
)
UNIT = Observation("unit", HOST, "disabled boot unit xnai-stack.service")
STALE = Observation("secret", "xnai_rag_api", "stale xnai_ingest_token")
STOPPED = Observation(
    "state", "xnai_docs", "exited code=0 ended-by=stop restarts=0 policy=unless-stopped service=d"
)


def test_what_others_need_is_repaired_first():
    found, left = repairs(looked(STALE, OWNER, UNIT))
    assert [one.kind for one in found] == ["boot-unit", "volume-owner", "recreate"] and left == []
    assert (found[1].path, found[1].owner) == ("/volumes/xnai_redis_data/_data", "999:999")
    assert found[1].why == "xnai_redis_data owner 0 -> 999"


def test_what_somebody_stopped_is_left_alone_and_named():
    found, left = repairs(looked(STOPPED))
    assert found == [] and left == [
        "xnai_docs: somebody stopped it [stopped-on-purpose]: sudo xnai-podman start xnai_docs"
    ]


def test_nothing_of_somebody_elses_is_repaired():
    found, left = repairs(looked(OWNER, ours=False))
    assert found == [] and left[0].endswith("not deployed by us")


def test_what_is_not_known_is_not_repaired():
    ill = Observation("state", "xnai_docs", "running unhealthy restarts=0 policy=unless-stopped")
    found, left = repairs(looked(ill))
    assert found == [] and "unknown" in left[0]


def test_a_missing_network_comes_back_with_what_was_removed_with_it():
    gone = [Observation("state", name, "absent") for name in ("xnai_redis", "xnai_rag_api")]
    missing = [Observation("network", one.entity, "missing xnai_data") for one in gone]
    found, _ = repairs(looked(*gone, *missing, without=("xnai_redis", "xnai_rag_api")))
    assert [(one.kind, one.containers) for one in found] == [
        ("network", ("xnai_redis", "xnai_rag_api"))
    ]


@pytest.fixture
def reached(monkeypatch):
    """What reaches a host of the repair of some observations."""

    def run(*observations, **more):
        answers = iter([triaged(*observations, **more)])

        def look(host):
            assert type(host) is Host, "pyinfra's stand-in for the host has no truth value"
            return next(answers, triaged())

        monkeypatch.setattr(tasks.repair, "triage", look)
        monkeypatch.setattr(tasks.repair, "read_running", lambda *words: {})
        monkeypatch.setattr(tasks.repair.repair, "wait_until_healthy", lambda *words: None)
        return told(monkeypatch, tasks.repair.apply, SETTINGS, {})

    return run


def test_a_volume_gets_its_owner_inside_the_namespace_and_redis_saves(reached):
    lines = reached(OWNER)
    assert lines[0] == "# repair: xnai_redis_data owner 0 -> 999"
    assert "xnai-podman unshare sh -c" in lines[1] and "chown -h 999:999" in lines[1]
    assert "777" not in lines[1] and "bgsave" in lines[2] and "rm " not in "".join(lines)
    assert lines[-1] == "# repair: look again"


def test_a_container_is_recreated_from_the_last_healthy_generation(reached):
    lines = reached(STALE)
    assert lines[0] == (
        "# repair: a container was made with an older secret: recreate xnai_rag_api"
    )
    text = "\n".join(lines)
    assert "rm --force --ignore --time 75 xnai_rag_api" in text
    assert "up --detach --no-build --no-deps rag_api" in text and "volume rm" not in text


def test_the_boot_unit_is_put_back_and_enabled(reached):
    text = "\n".join(reached(UNIT))
    assert "write /etc/systemd/user/xnai-stack.service" in text
    assert "systemctl --global enable xnai-stack.service" in text


def test_networks_are_made_as_the_deploy_makes_them(reached):
    gone = Observation("state", "xnai_redis", "absent")
    missing = Observation("network", "xnai_redis", "missing xnai_data")
    text = "\n".join(reached(gone, missing, without=("xnai_redis",)))
    assert "network create --ignore --label=io.xnai.stack=xnai --internal xnai_data" in text
    assert "network create --ignore --label=io.xnai.stack=xnai xnai" in text


def test_the_roles_password_is_in_no_command(reached):
    refused = Observation(
        "log", "xnai_vikunja", 'pq: password authentication failed for user "vikunja"'
    )
    ill = Observation("state", "xnai_vikunja", "running unhealthy restarts=9 policy=x")
    lines = reached(refused, ill)
    assert lines[0].startswith("# repair: PostgreSQL refuses the password") and len(lines) > 3
    assert "ALTER" not in "\n".join(lines)


def test_a_well_stack_is_left_as_it_is(reached):
    assert reached() == []


def test_what_is_still_wrong_afterwards_fails(monkeypatch):
    clock = iter(range(0, 100_000, 50))
    monkeypatch.setattr(tasks.repair, "triage", lambda host: triaged(OWNER))
    monkeypatch.setattr(tasks.repair, "read_running", lambda *words: {})
    monkeypatch.setattr(tasks.repair.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(healthy.time, "sleep", lambda seconds: None)
    text = told(monkeypatch, tasks.repair.apply, SETTINGS, {})[-1]
    assert "still wrong after the repair: xnai_redis: a volume belongs to another" in text
    assert text.endswith("exit 1")
