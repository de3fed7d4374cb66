"""A container without a health check that ends and is started again and again."""

from __future__ import annotations

import copy
import datetime

import pytest

from tests.unit.triage.test_triage_cases import LAB, make, read
from xnai.triage.ask import judged

FATAL = "1:M 30 Nov 2026 15:59:34.282 # Wrong signature trying to load DB from file"


def at(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat()


def machine(*, up_for_s, restarts):
    """A healthy one, whose Redis has no health check, and whose rag_api finds no Redis."""
    found = copy.deepcopy(read("healthy-0"))
    now = found["host"]["time"]
    (store,) = [one for one in found["stores"] if one.get("containers")]
    redis = next(one for one in store["containers"] if one["name"] == "xnai_redis")
    rag = next(one for one in store["containers"] if one["name"] == "xnai_rag_api")
    redis |= {"health": "", "health_log": [], "last_healthy": None, "restarts": restarts,
              "started": at(now - up_for_s)}
    redis["log"] = {"lines": [[now - up_for_s - 1, FATAL]]}
    store["answers"][f"{redis['id']} redis"] = {"skipped": "it has just ended"}
    store["answers"][f"{rag['id']} needs redis port 6379"] = {"error": "TimeoutError: timed out"}
    return found


def roots(found):
    (looked,) = judged(found, make(found["host"]["meminfo"]["MemTotal"], **LAB), "").looked
    return [f"{one.id}@{one.entity}" for one in looked.judgement.roots]


def test_what_ends_at_once_each_time_is_the_cause_and_no_firewall():
    assert roots(machine(up_for_s=2, restarts=7)) == ["redis-data-corrupt@xnai_redis"]


@pytest.mark.parametrize(("up_for_s", "restarts"), [(3600, 7), (2, 0)])
def test_one_that_stays_up_is_well_and_the_way_to_it_is_blocked(up_for_s, restarts):
    assert roots(machine(up_for_s=up_for_s, restarts=restarts)) == ["firewall-block@xnai_rag_api"]


def with_a_listener(**other):
    """Vikunja between an end and its next start, while its port is held."""
    found = copy.deepcopy(read("healthy-0"))
    (store,) = [one for one in found["stores"] if one.get("containers")]
    vikunja = next(one for one in store["containers"] if one["name"] == "xnai_vikunja")
    vikunja |= {
        "status": "exited", "health": "", "exit_code": 1, "restarts": 13, "pid": 0,
        "finished": at(found["host"]["time"] - 1),
    }
    found["host"]["listeners"] = [
        {"address": "127.0.0.1", "port": 3456, "pid": 36249, "uid": store["uid"],
         "command": "rootlessport"} | other
    ]
    return found, store


def test_what_podman_itself_still_holds_for_a_container_is_no_thief():
    found, _ = with_a_listener()
    assert not [one for one in roots(found) if one.startswith("port-taken")]


def test_another_program_and_another_container_are():
    found, _ = with_a_listener(command="python3", uid=0)
    assert "port-taken@xnai_vikunja" in roots(found)
    found, store = with_a_listener()
    docs = next(one for one in store["containers"] if one["name"] == "xnai_docs")
    docs["ports"] = {"8002/tcp": [{"HostIp": "127.0.0.1", "HostPort": "3456"}]}
    assert "port-taken@xnai_vikunja" in roots(found)


@pytest.mark.parametrize(("ran_s", "code", "error", "said"), [
    (600, 0, "", "stopped-on-purpose@xnai_vikunja_db"),
    (600, 137, "container 1f is running", "stopped-on-purpose@xnai_vikunja_db"),
    (5, 0, "", "unknown@xnai_vikunja_db"),
    (600, 1, "", "unknown@xnai_vikunja_db"),
    (600, 0, "crun: no such file", "unknown@xnai_vikunja_db"),
])
def test_one_that_ran_for_long_was_stopped_however_often_it_was_started_before(
    ran_s, code, error, said
):
    found = copy.deepcopy(read("healthy-0"))
    (store,) = [one for one in found["stores"] if one.get("containers")]
    database = next(one for one in store["containers"] if one["name"] == "xnai_vikunja_db")
    ended = found["host"]["time"] - 5
    database |= {
        "status": "exited", "health": "", "exit_code": code, "restarts": 8, "pid": 0, "ends": [],
        "started": at(ended - ran_s), "finished": at(ended), "error": error,
    }
    assert roots(found) == [said]


def test_a_port_leads_nowhere_only_where_the_service_behind_it_answers():
    found = copy.deepcopy(read("healthy-0"))
    (store,) = [one for one in found["stores"] if one.get("containers")]
    vikunja = next(one for one in store["containers"] if one["name"] == "xnai_vikunja")
    answers = {key: key.partition(" ")[2] for key in store["answers"] if key[:64] == vikunja["id"]}
    outside = next(key for key, what in answers.items() if what.startswith("host "))
    store["answers"][outside] = {"error": "ConnectionRefusedError: Connection refused"}
    assert roots(found) == ["host-port-unreached@xnai_vikunja"]
    inside = next(key for key, what in answers.items() if not what.startswith(("host ", "needs ")))
    store["answers"][inside] = {"skipped": "its database did not answer first"}
    assert roots(found) == []
