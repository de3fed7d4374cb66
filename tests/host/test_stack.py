"""Every service healthy, bound to loopback, within its limit, readable in the journal."""

from __future__ import annotations

import json
import re

import pytest

from xnai.catalogue import data_network
from xnai.drift import drift
from xnai.facts.cgroups import SCRIPT, parse_cgroups
from xnai.facts.configuration import parse_configuration


@pytest.fixture(scope="module")
def cgroups(host):
    """Container ID -> its live memory values."""
    return parse_cgroups(host.check_output(SCRIPT).splitlines())


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


def test_every_key_of_the_compose_files_is_honoured(containers, cgroups, stack_services):
    """Memory, networks, ports, mounts, rights, variables: as inspected, and as the kernel says."""
    for service in stack_services:
        found = containers[service.container_name]
        live = cgroups[found["Id"]]
        assert drift(service, parse_configuration(found), live) == "", service.name
        assert live.max_bytes == service.memory.limit_mib * 2**20, service.name


def test_what_is_reserved_is_reserved_all_the_way_up(host, settings, containers, stack_services):
    # A cgroup's memory.low counts for no more than its parent's.
    reserved = sum(s.memory.reservation_mib for s in stack_services) * 2**20
    name = next(s.container_name for s in stack_services if s.memory.reservation_mib)
    path = f"/sys/fs/cgroup{containers[name]['State']['CgroupPath']}"
    lows = host.check_output(
        f"d={path}; while d=${{d%/*}}; [ $d != /sys/fs/cgroup ]; do cat $d/memory.low; done"
    ).split()
    assert len(lows) == 4 and all(int(low) >= reserved for low in lows)


def test_the_kernel_would_kill_protected_services_last(host, containers, stack_services):
    for service in stack_services:
        pid = containers[service.container_name]["State"]["Pid"]
        score = int(host.check_output(f"cat /proc/{pid}/oom_score_adj"))
        assert score == service.memory.oom_score_adj, service.name


def test_the_data_network_has_no_way_out(podman, settings):
    name = data_network(settings)
    shown = podman(f"network inspect {name} {settings.stack_name} --format '{{{{.Internal}}}}'")
    assert shown.split() == ["true", "false"]


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


def test_no_published_port_answers_on_an_address_of_the_network(host, stack_services):
    # As a neighbour in the same network would ask.
    ports = [s.published_port for s in stack_services if s.published_port]
    addresses = host.check_output("hostname -I").split()
    assert addresses
    program = (
        "import socket,sys\n"
        "for a in sys.argv[2:]:\n"
        " for p in sys.argv[1].split(','):\n"
        "  try: socket.create_connection((a, int(p)), 2); print(a, p)\n"
        "  except OSError: pass"
    )
    words = f"{','.join(map(str, ports))} {' '.join(addresses)}"
    assert host.check_output(f'python3 -c "{program}" {words}') == ""


def test_secrets_are_readable_by_their_service_alone(podman, stack_services):
    for service in stack_services:
        if not service.secrets or service.image.partition(":")[0].endswith("/vikunja"):
            continue  # Vikunja's image has no program to ask with
        paths = " ".join(f"/run/secrets/{secret.target}" for secret in service.secrets)
        found = podman(f"exec {service.container_name} stat -L -c '%a %u:%g' {paths}").split("\n")
        assert found == [f"400 {service.user}"] * len(service.secrets), service.name


def test_redis_is_published_only_where_asked(host, settings):
    listening = host.socket(f"tcp://127.0.0.1:{settings.redis_port}").is_listening
    assert listening == settings.redis_publish_loopback


def test_redis_refuses_without_the_password(podman, settings):
    answer = podman(f"exec {settings.stack_name}_redis redis-cli ping")
    assert "NOAUTH" in answer


def ask(host, port: int, path: str, **headers: str) -> tuple[int, str]:
    """Ask a published port from the host itself; the status and the body."""
    # Python: a machine need not have curl.
    program = (
        "import http.client,sys; c=http.client.HTTPConnection('127.0.0.1',int(sys.argv[1]),"
        "timeout=10); h=dict(a.split(': ',1) for a in sys.argv[5::2]); "
        "c.request('POST' if sys.argv[3] else 'GET',sys.argv[2],sys.argv[3] or None,h); "
        "r=c.getresponse(); print(r.status); print(r.read().decode())"
    )
    body = headers.pop("body", "")
    words = " ".join(f"-H '{name}: {value}'" for name, value in headers.items())
    said = host.check_output(f'python3 -c "{program}" {port} \'{path}\' \'{body}\' {words}')
    status, _, text = said.partition("\n")
    return int(status), text


def test_rag_api_is_ready(host, settings):
    status, body = ask(host, settings.rag_api_port, "/ready")
    found = json.loads(body)
    assert (status, found["status"], found["redis"]) == (200, "ready", "PONG")
    # The model may still be loading after a start; it is never "none" here.
    assert found["model"] in {"up", "down"}


def test_the_pages_answer(host, settings):
    status, body = ask(host, settings.chainlit_ui_port, "/")
    assert status == 200 and "<title>" in body
    status, body = ask(host, settings.docs_port, "/")
    assert status == 200 and "<title>" in body


def test_chainlits_socket_answers(host, settings):
    # What Socket.IO asks first, before it changes to a WebSocket.
    port = settings.chainlit_ui_port
    status, body = ask(host, port, "/ws/socket.io/?EIO=4&transport=polling")
    assert status == 200 and '"websocket"' in body, body


def test_vikunja_reaches_its_database_and_redis(host, settings):
    if not settings.vikunja:
        assert not host.socket(f"tcp://127.0.0.1:{settings.vikunja_port}").is_listening
        return
    # The server asks both before it answers.
    assert ask(host, settings.vikunja_port, "/health")[0] == 200


@pytest.mark.parametrize("service", ["rag_api", "chainlit_ui", "docs"])
def test_another_hosts_name_is_refused(host, settings, service):
    # As a web site's script would ask after its name was pointed at 127.0.0.1.
    port = getattr(settings, f"{service}_port")
    assert ask(host, port, "/", Host="evil.example")[0] == 421


def test_another_origin_and_a_missing_token_are_refused(host, settings):
    json_body = {"body": "{}", "Content-Type": "application/json"}
    port = settings.rag_api_port
    assert ask(host, port, "/query", Origin="http://evil.example", **json_body)[0] == 403
    assert ask(host, port, "/ingest", **json_body)[0] == 401
    plain = {"body": "{}", "Content-Type": "text/plain"}
    assert ask(host, port, "/query", **plain)[0] == 415


def test_every_volume_has_a_name(podman, settings, stack_services):
    names = set(podman("volume ls --format '{{.Name}}'").split())
    assert not [name for name in names if re.fullmatch("[0-9a-f]{64}", name)]
    assert names >= {volume for service in stack_services for volume, _ in service.volumes}


def test_no_image_of_the_stack_is_without_a_name(podman, settings):
    label = f"label=io.xnai.stack={settings.stack_name}"
    assert podman(f"images --quiet --filter dangling=true --filter {label}").split() == []


def test_images_say_what_they_are(podman, settings, stack_services, containers):
    names = {containers[s.container_name]["ImageName"] for s in stack_services if s.build}
    for image in json.loads(podman(f"image inspect {' '.join(sorted(names))}")):
        labels = image["Labels"]
        assert labels["io.xnai.stack"] == settings.stack_name
        assert labels["org.opencontainers.image.title"].startswith(f"{settings.stack_name} ")
        assert re.fullmatch("[0-9a-f]{64}", labels["io.xnai.content"])
        assert labels["org.opencontainers.image.version"] != "unknown"
        assert image["RepoTags"][0].endswith(labels["io.xnai.content"][:16])


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
def test_a_document_is_ingested_found_cited_and_removed(podman, settings):
    rag_api = f"exec {settings.stack_name}_rag_api"
    program = (
        "import json,sys,urllib.request as u; "
        "t=open('/run/secrets/ingest_token').read().strip(); "
        "a=lambda m,p,b: u.urlopen(u.Request('http://127.0.0.1:8000'+p,method=m,"
        "data=json.dumps(b).encode() if b else None,headers={'Authorization':'Bearer '+t,"
        "'Content-Type':'application/json'}),timeout=170).read().decode(); "
        "a('POST','/ingest',{'documents':[{'id':'xnai-test','title':'Quokkas','source':'test',"
        "'text':'A quokka is a small marsupial of Rottnest Island.'}]}); "
        "print(a('POST','/query',{'question':'Where does the quokka live?','stream':False})); "
        "a('DELETE','/ingest/xnai-test',None)"
    )
    found = json.loads(podman(f'{rag_api} python -c "{program}"'))
    assert found["sources"][0]["document"] == "xnai-test"
    assert found["answer"]


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
