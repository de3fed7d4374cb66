"""Every service healthy, bound to loopback, within its limit, readable in the journal."""

from __future__ import annotations

import json
import re
import shlex

import pytest
import yaml

from tests.host.reading import read
from xnai.facts.cgroups import SCRIPT, parse_cgroups
from xnai.facts.configuration import parse_configuration
from xnai.stack.drift import drift
from xnai.stack.shared import data_network

PODMAN = "/usr/local/bin/xnai-podman"
JSON_BODY = {"Content-Type": "application/json"}


def published(stack_services) -> set[int]:
    """The ports that the stack publishes."""
    return {s.published_port for s in stack_services if s.published_port}


@pytest.fixture(scope="module")
def found(host, settings, stack_services):
    """What podman, the kernel and the published ports say, asked at once."""
    name, user = settings.stack_name, settings.stack_user
    label = f"label=io.xnai.stack={name}"
    rag_api, docs = settings.by_name()["rag_api_port"], settings.by_name()["docs_port"]
    chainlit_ui = settings.by_name()["chainlit_ui_port"]
    elsewhere = {"Host": "evil.example"}
    requests = {
        "ready": (rag_api, "GET", "/ready", {}, ""),
        "chainlit_ui": (chainlit_ui, "GET", "/", {}, ""),
        "docs": (docs, "GET", "/", {}, ""),
        # What Socket.IO asks first, before it changes to a WebSocket.
        "socket": (chainlit_ui, "GET", "/ws/socket.io/?EIO=4&transport=polling", {}, ""),
        # As a web site's script would ask after its name was pointed at 127.0.0.1.
        "rag_api by another name": (rag_api, "GET", "/", elsewhere, ""),
        "chainlit_ui by another name": (chainlit_ui, "GET", "/", elsewhere, ""),
        "docs by another name": (docs, "GET", "/", elsewhere, ""),
        "another origin": (
            rag_api, "POST", "/query", {"Origin": "http://evil.example", **JSON_BODY}, "{}"
        ),
        "no token": (rag_api, "POST", "/ingest", JSON_BODY, "{}"),
        "plain text": (rag_api, "POST", "/query", {"Content-Type": "text/plain"}, "{}"),
    }
    if settings.by_name()["vikunja"]:
        requests["vikunja"] = (settings.by_name()["vikunja_port"], "GET", "/health", {}, "")
    addresses = host.check_output("hostname -I").split()
    assert addresses
    return read(
        host,
        commands={
            "containers": f"{PODMAN} inspect $({PODMAN} ps --all --quiet --filter {label})",
            "compose": f"for f in /var/lib/xnai/{name}/stack/*.yml; do echo ---; cat $f; done",
            "networks": f"{PODMAN} network inspect {data_network(settings)} {name} "
            "--format '{{.Internal}}'",
            "volumes": f"{PODMAN} volume ls --format '{{{{.Name}}}}'",
            "images": f"{PODMAN} image inspect $({PODMAN} images --quiet --no-trunc "
            f"--filter {label} | sort -u)",
            "nameless": f"{PODMAN} images --quiet --filter dangling=true --filter {label}",
            "cgroups": SCRIPT,
            "lows": "find /sys/fs/cgroup/user.slice -maxdepth 6 -name memory.low "
            # Cgroups of passing processes may be gone before they are read.
            "-exec grep -H '' {} + || :",
            # As the user of the stack reads it.
            "journal": f"cd / && runuser -u {user} -- journalctl --quiet --field CONTAINER_NAME",
            "listening": "ss -H -l -t -n",
            "redis": f"{PODMAN} exec {name}_redis redis-cli ping",
            "boot unit": f"cd / && runuser -u {user} -- env XDG_RUNTIME_DIR=/run/user/$(id -u "
            f"{user}) systemctl --user is-enabled {name}-stack.service",
        },
        requests=requests,
        # As a neighbour in the same network would ask.
        places=[(a, port) for a in addresses for port in sorted(published(stack_services))],
        processes=True,
    )


@pytest.fixture(scope="module")
def containers(found):
    """The stack's containers by name, as `podman inspect` shows them."""
    return {item["Name"]: item for item in json.loads(found.out("containers"))}


@pytest.fixture(scope="module")
def cgroups(found):
    """Container ID -> its live memory values."""
    return parse_cgroups(found.out("cgroups").splitlines())


@pytest.fixture(scope="module")
def processes(found, containers):
    """Container name -> its processes, as the kernel has them."""
    return {
        name: [p for p in found.processes if f"libpod-{item['Id']}.scope" in p["cgroup"]]
        for name, item in containers.items()
    }


def inside(process, number: int, which: str = "uid_map") -> int:
    """A host's user or group number as the process' own user namespace counts."""
    for first, outside, count in process[which]:
        if outside <= number < outside + count:
            return first + number - outside
    raise AssertionError(f"{number} has no number in {process}")


def listeners(found, port: int) -> set[str]:
    """Every address, of either family, on which something listens at a port."""
    places = (line.split()[3].rpartition(":") for line in found.out("listening").splitlines())
    return {address for address, _, number in places if int(number) == port}


@pytest.fixture(scope="module")
def of_ours(settings):
    """Pass over what only this project's own service does, where the user has one of his."""

    def look(service: str) -> None:
        if service in settings.service_sources:
            pytest.skip(f"{service} is built from service_sources: what it answers is its own")

    return look


def test_every_container_is_healthy(containers, stack_services):
    states = {
        service.container_name: containers[service.container_name]["State"]["Health"]["Status"]
        for service in stack_services
    }
    assert states == dict.fromkeys(states, "healthy")


def test_the_journal_has_a_line_of_every_container(found, stack_services):
    names = set(found.out("journal").splitlines())
    assert names >= {service.container_name for service in stack_services}


def test_every_key_of_the_compose_files_is_honoured(containers, cgroups, stack_services):
    """Memory, networks, ports, mounts, rights, variables: as inspected, and as the kernel says."""
    for service in stack_services:
        inspected = containers[service.container_name]
        live = cgroups[inspected["Id"]]
        assert drift(service, parse_configuration(inspected), live) == "", service.name
        assert live.max_bytes == service.memory.limit_mib * 2**20, service.name


def test_what_podman_shows_is_what_the_compose_files_say(found, containers):
    """Read here from both sides, without the comparison that the deploy itself trusts."""
    files = [file for file in yaml.safe_load_all(found.out("compose")) if file]
    entries = {
        entry["container_name"]: entry
        for file in files for entry in file["services"].values() if "container_name" in entry
    }
    assert entries.keys() == containers.keys()
    for name, entry in entries.items():
        config, host_config = containers[name]["Config"], containers[name]["HostConfig"]
        shown = {
            "user": config["User"],
            "mem_limit": f"{host_config['Memory'] // 2**20}m",
            "read_only": host_config["ReadonlyRootfs"],
            "init": host_config["Init"],
            "restart": host_config["RestartPolicy"]["Name"],
            "stop_grace_period": f"{config['StopTimeout']}s",
            "cap_add": sorted(
                one.removeprefix("CAP_") for one in containers[name]["BoundingCaps"] or ()
            ),
            "networks": sorted(containers[name]["NetworkSettings"]["Networks"]),
            "ports": sorted(
                f"{b['HostIp']}:{b['HostPort']}:{port.partition('/')[0]}"
                for port, bound in (host_config["PortBindings"] or {}).items() for b in bound
            ),
            "logging": {"driver": host_config["LogConfig"]["Type"]},
        }
        usual = {"cap_add": [], "ports": []}
        # A list of names, or each with its aliases.
        wanted = {
            key: sorted(value) if isinstance(value := entry.get(key, usual.get(key)), list)
            or key == "networks" else value
            for key in shown
        }
        assert shown == wanted, name
        if isinstance(entry["networks"], dict):
            for network, more in entry["networks"].items():
                there = containers[name]["NetworkSettings"]["Networks"][network]["Aliases"]
                assert set((more or {}).get("aliases", [])) <= set(there), (name, network)
        assert "no-new-privileges" in host_config["SecurityOpt"], name
        variables = dict(item.partition("=")[::2] for item in config["Env"])
        for key, value in entry.get("environment", {}).items():
            assert variables[key] == value.replace("$$", "$"), (name, key)
        volumes = {v.split(":")[1] for v in entry.get("volumes", [])}
        assert volumes == {mount["Destination"] for mount in containers[name]["Mounts"]}, name


def test_what_is_reserved_is_reserved_all_the_way_up(found, containers, stack_services):
    # A cgroup's memory.low counts for no more than its parent's.
    reserved = sum(s.memory.reservation_mib for s in stack_services) * 2**20
    name = next(s.container_name for s in stack_services if s.memory.reservation_mib)
    lows = dict(line.rsplit(":", 1) for line in found.out("lows").splitlines())
    above = containers[name]["State"]["CgroupPath"].split("/")[1:-1]
    paths = ["/".join(["/sys/fs/cgroup", *above[:n], "memory.low"])
             for n in range(1, len(above) + 1)]
    assert len(paths) == 4
    assert all(int(lows[path]) >= reserved for path in paths), (paths, lows)


def test_the_kernel_would_kill_protected_services_last(containers, processes, stack_services):
    for service in stack_services:
        pid = containers[service.container_name]["State"]["Pid"]
        (first,) = (p for p in processes[service.container_name] if p["pid"] == pid)
        assert first["oom_score_adj"] == service.memory.oom_score_adj, service.name


def test_the_data_network_has_no_way_out(found):
    assert found.out("networks").split() == ["true", "false"]


def test_processes_in_containers_are_not_root(processes, stack_services):
    for service in stack_services:
        of_it = processes[service.container_name]
        assert of_it, service.name
        for process in of_it:
            assert 0 not in {inside(process, uid) for uid in process["uids"]}, process


def test_ports_are_bound_to_loopback_only(found, stack_services):
    for port in published(stack_services):
        assert listeners(found, port) == {"127.0.0.1"}, port


def test_no_published_port_answers_on_an_address_of_the_network(found):
    assert found.places == []


def test_secrets_are_readable_by_their_service_alone(
    host, containers, processes, stack_services
):
    # Through the container's own root, which the host's root may look into: an image without a
    # shell is looked at as well.
    of = {}
    for service in stack_services:
        pid = containers[service.container_name]["State"]["Pid"]
        for secret in service.secrets:
            of[f"/proc/{pid}/root/run/secrets/{secret.target}"] = (service, pid)
    assert of
    seen = read(host, owners=list(of))
    for path, (service, pid) in of.items():
        (first,) = (p for p in processes[service.container_name] if p["pid"] == pid)
        file = seen.file(path)
        assert file.mode == 0o400, path
        owner = f"{inside(first, file.uid)}:{inside(first, file.gid, 'gid_map')}"
        assert owner == service.user, path


def test_redis_is_published_only_where_asked(found, settings):
    wanted = {"127.0.0.1"} if settings.by_name()["redis_publish_loopback"] else set()
    assert listeners(found, settings.by_name()["redis_port"]) == wanted


def test_redis_refuses_without_the_password(found):
    assert "NOAUTH" in found.out("redis")


def test_rag_api_is_ready(found, of_ours):
    of_ours("rag_api")
    status, body = found.requests["ready"]
    said = json.loads(body)
    assert (status, said["status"], said["redis"]) == (200, "ready", "PONG")
    # The model may still be loading after a start; it is never "none" here.
    assert said["model"] in {"up", "down"}


@pytest.mark.parametrize("page", ["chainlit_ui", "docs"])
def test_the_pages_answer(found, of_ours, page):
    of_ours(page)
    status, body = found.requests[page]
    assert status == 200 and "<title>" in body


def test_chainlits_socket_answers(found, of_ours):
    of_ours("chainlit_ui")
    status, body = found.requests["socket"]
    assert status == 200 and '"websocket"' in body, body


def test_vikunja_reaches_its_database_and_redis(found, settings):
    if not settings.by_name()["vikunja"]:
        assert listeners(found, settings.by_name()["vikunja_port"]) == set()
        return
    # The server asks both before it answers.
    assert found.requests["vikunja"][0] == 200


@pytest.mark.parametrize("service", ["rag_api", "chainlit_ui", "docs"])
def test_another_hosts_name_is_refused(found, of_ours, service):
    of_ours(service)
    assert found.requests[f"{service} by another name"][0] == 421


def test_another_origin_and_a_missing_token_are_refused(found, of_ours):
    of_ours("rag_api")
    assert found.requests["another origin"][0] == 403
    assert found.requests["no token"][0] == 401
    assert found.requests["plain text"][0] == 415


def test_every_volume_has_a_name(found, stack_services):
    names = set(found.out("volumes").split())
    assert not [name for name in names if re.fullmatch("[0-9a-f]{64}", name)]
    assert names >= {volume for service in stack_services for volume, _ in service.volumes}


def test_no_image_of_the_stack_is_without_a_name(found):
    assert found.out("nameless") == ""


def test_images_say_what_they_are(found, settings, stack_services, containers):
    of = {
        name: image for image in json.loads(found.out("images")) for name in image["RepoTags"]
    }
    for service in stack_services:
        if not service.build:
            continue
        name = containers[service.container_name]["ImageName"]
        labels = of[name]["Labels"]
        assert labels["io.xnai.stack"] == settings.stack_name
        assert labels["org.opencontainers.image.title"].startswith(f"{settings.stack_name} ")
        assert re.fullmatch("[0-9a-f]{64}", labels["io.xnai.content"])
        assert labels["org.opencontainers.image.version"] != "unknown"
        assert name.endswith(labels["io.xnai.content"][:16])


def test_no_secret_is_in_a_command_line_or_a_containers_configuration(
    host, containers, podman, settings
):
    secret = podman(f"exec {settings.stack_name}_redis cat /run/secrets/redis_password").strip()
    assert re.fullmatch("[0-9a-f]{64}", secret)
    # The value goes to grep by standard input: a test must not do what it forbids.
    found = host.run(
        "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' > /dev/shm/xnai-cmdlines; "
        f"{PODMAN} exec {settings.stack_name}_redis cat "
        "/run/secrets/redis_password | grep -c -F -f - /dev/shm/xnai-cmdlines; "
        "rm /dev/shm/xnai-cmdlines"
    )
    assert found.stdout.strip() == "0"
    assert secret not in json.dumps(containers)


def test_boot_unit_is_enabled_for_the_stack_user(found):
    assert found.out("boot unit") == "enabled"


@pytest.mark.writes
def test_a_document_is_ingested_found_cited_and_removed(podman, settings, of_ours):
    of_ours("rag_api")
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


# In the container, by one process: what it was, a key, a save that ends, what it is.
SAVE = """
export REDISCLI_AUTH=$(cat /run/secrets/redis_password)
before=$(redis-cli lastsave); redis-cli set xnai_test_key 1 >/dev/null; sleep 1.1
redis-cli bgsave >/dev/null; i=0
while [ $(redis-cli lastsave) = $before ] && [ $i -lt 50 ]; do i=$((i+1)); sleep 0.2; done
redis-cli info persistence; redis-cli del xnai_test_key >/dev/null
echo saved $(( $(redis-cli lastsave) > before ))
"""


@pytest.mark.writes
def test_redis_can_save(podman, settings):
    said = podman(f"exec {settings.stack_name}_redis sh -c {shlex.quote(SAVE)}")
    assert "rdb_last_bgsave_status:ok" in said
    assert "saved 1" in said
