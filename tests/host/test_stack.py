"""Every service healthy, bound to loopback, within its limit, readable in the journal."""

from __future__ import annotations

import json
import re

import pytest


def test_every_container_is_healthy(containers, stack_services):
    states = {
        service.container_name: containers[service.container_name]["State"]["Health"]["Status"]
        for service in stack_services
    }
    assert states == dict.fromkeys(states, "healthy")


def test_the_journal_has_a_line_of_every_container(host, settings, stack_services):
    for service in stack_services:
        lines = host.check_output(
            f"runuser -u {settings.stack_user} -- "
            f"journalctl --quiet --lines 1 CONTAINER_NAME={service.container_name}"
        )
        assert lines.strip(), f"{service.container_name}: no line in the journal"


def test_memory_limits_are_those_of_the_cgroups(host, containers, stack_services):
    for service in stack_services:
        pid = containers[service.container_name]["State"]["Pid"]
        cgroup = host.check_output(f"sed -n 's/^0:://p' /proc/{pid}/cgroup")
        limit = int(host.check_output(
            # The limit is on the container's own cgroup, above what its init may have made.
            f"d=/sys/fs/cgroup{cgroup}; while [ \"$(cat $d/memory.max)\" = max ]; do "
            "d=${d%/*}; done; cat $d/memory.max"
        ))
        assert limit == service.memory_limit_mib * 2**20, service.name


def test_processes_in_containers_are_not_root(podman, stack_services):
    for service in stack_services:
        users = podman(f"top {service.container_name} user").split()[1:]
        assert users and "root" not in users, f"{service.name}: {users}"


def test_ports_are_bound_to_loopback_only(host, stack_services):
    listening = host.check_output("ss -H -l -t -n").splitlines()
    published = {s.published_port for s in stack_services if s.published_port}
    bound = {}
    for line in listening:
        address, _, port = line.split()[3].rpartition(":")
        if int(port) in published:
            bound.setdefault(int(port), set()).add(address)
    assert bound == {port: {"127.0.0.1"} for port in published}


def test_redis_is_published_only_where_asked(host, settings):
    listening = host.socket(f"tcp://127.0.0.1:{settings.redis_port}").is_listening
    assert listening == settings.redis_publish_loopback


def test_redis_refuses_without_the_password(podman, settings):
    answer = podman(f"exec {settings.stack_name}_redis redis-cli ping")
    assert "NOAUTH" in answer


def test_rag_api_answers_and_reaches_redis(host, settings):
    body = host.check_output(
        "python3 -c \"import urllib.request; print(urllib.request.urlopen("
        f"'http://127.0.0.1:{settings.rag_api_port}/health', timeout=5).read().decode())\""
    )
    assert json.loads(body) == {"status": "healthy", "redis": "PONG"}


def test_no_secret_is_in_a_command_line_or_a_containers_configuration(
    host, containers, podman, settings
):
    secret = podman(f"exec {settings.stack_name}_redis cat /run/secrets/redis_password").strip()
    assert re.fullmatch("[0-9a-f]{64}", secret)
    # The value goes to grep by standard input: a test must not do what it forbids.
    found = host.run(
        "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' > /dev/shm/xnai-cmdlines; "
        f"/usr/local/bin/xnai-podman exec {settings.stack_name}_redis cat "
        "/run/secrets/redis_password | grep -c -F -f - /dev/shm/xnai-cmdlines; "
        "rm /dev/shm/xnai-cmdlines"
    )
    assert found.stdout.strip() == "0"
    assert secret not in json.dumps(containers)


def test_boot_unit_is_enabled_for_the_stack_user(host, settings):
    uid = host.user(settings.stack_user).uid
    state = host.check_output(
        f"runuser -u {settings.stack_user} -- env XDG_RUNTIME_DIR=/run/user/{uid} "
        f"systemctl --user is-enabled {settings.stack_name}-stack.service"
    )
    assert state == "enabled"


@pytest.mark.writes
def test_redis_can_save(podman, settings):
    redis = f"exec {settings.stack_name}_redis sh -c"
    auth = "REDISCLI_AUTH=$(cat /run/secrets/redis_password) redis-cli"
    before = int(podman(f"{redis} '{auth} lastsave'"))
    podman(f"{redis} '{auth} set xnai_test_key 1 && sleep 1.1 && {auth} bgsave'")
    saved = podman(
        f"{redis} 'i=0; while [ $({auth} lastsave) = {before} ] && [ $i -lt 50 ]; do "
        f"i=$((i+1)); sleep 0.2; done; {auth} info persistence; {auth} del xnai_test_key'"
    )
    assert "rdb_last_bgsave_status:ok" in saved
    assert int(podman(f"{redis} '{auth} lastsave'")) > before
