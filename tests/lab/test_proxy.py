"""A machine that reaches nothing but a proxy with a password."""

from __future__ import annotations

import base64
import json

import pytest

from tests.lab.proxies import GATE_PASSWORD, PROXY_PASSWORD, USER, running
from xnai.lab import registry
from xnai.lab.deploying import deploy

pytestmark = pytest.mark.lab

NETRC, AUTH = "/etc/xnai-netrc", "/etc/xnai-registries.json"
HOST = registry.HOST_AS_SEEN_BY_GUESTS
WORKER = "localhost/xnai_curation_worker"
# Every process list of the whole time, searched for the values, which are in no argument of this.
WATCH = """
printf '%s\\n' '{values}' | tr ' ' '\\n' > /root/values
cat > /root/watch.sh <<'END'
while [ ! -e /root/watched ]; do
    cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -F -f /root/values >> /root/shown
    sleep 0.2
done
END
rm -f /root/watched /root/shown; setsid sh /root/watch.sh >/dev/null 2>&1 </dev/null &
"""
# Where a value may not be found afterwards: everything that lasts.
KEPT = (
    # Of what has changed since the values were there: all of the store takes minutes to read.
    "find /var/lib/xnai /var/log /tmp /var/tmp /etc /run /home/xnai -xdev -type f "
    "-newer /root/begun -print0 2>/dev/null | xargs -0 grep -lF -f /root/values 2>/dev/null; "
    "journalctl --no-pager --since @$(stat -c %Y /root/begun) | grep -cF -f /root/values; "
    "for i in $(xnai-podman images -q --sort created | head -n 4); do "
    "xnai-podman history --no-trunc $i; xnai-podman image inspect $i; done "
    "| grep -F -f /root/values; "
    "xnai-podman ps -aq | xargs xnai-podman inspect | grep -F -f /root/values; :"
)
# All that leaves the machine is refused but what goes to the proxy.
ONLY = """
nft -f - <<'END'
table inet only {{
  chain out {{
    type filter hook output priority 0;
    ct state established,related accept
    oif lo accept
    ip daddr {host} tcp dport {port} accept
    reject
  }}
}}
END
"""


@pytest.fixture
def behind(deployed, tmp_path):
    """A deployed machine that reaches the proxy alone, with the credentials in its files."""
    upstreams = {
        "registry.lab": f"http://127.0.0.1:{registry.port()}", "index.lab": "https://pypi.org",
        "debian.lab": "http://deb.debian.org",
    }
    with running(tmp_path, upstreams) as proxy:
        gates = "".join(
            f"machine {name} login {USER} password {GATE_PASSWORD}\n" for name in upstreams
        )
        auth = base64.b64encode(f"{USER}:{GATE_PASSWORD}".encode()).decode()
        files = {
            NETRC: f"machine {HOST} login {USER} password {PROXY_PASSWORD}\n{gates}",
            AUTH: json.dumps({"auths": {"registry.lab": {"auth": auth}}}),
        }
        deployed.run("touch /root/begun; sleep 1")
        for path, text in files.items():
            deployed.run(f"umask 077; cat > {path} <<'END'\n{text}\nEND")
        deployed.run(ONLY.format(host=HOST, port=proxy.port))
        values = [
            PROXY_PASSWORD, GATE_PASSWORD, auth,
            base64.b64encode(f"{USER}:{PROXY_PASSWORD}".encode()).decode(),
            GATE_PASSWORD.replace("/", "%2F").replace("+", "%2B").replace("=", "%3D"),
        ]
        deployed.run(WATCH.format(values=" ".join(values)))
        yield deployed, proxy
        deployed.run("touch /root/watched; nft delete table inet only")


def words(proxy, **further):
    """The settings for that proxy, as words of the command line."""
    settings = {
        "proxy_url": f"http://{HOST}:{proxy.port}", "netrc_file": NETRC,
        "registry_auth_file": AUTH,
        "registry_mirrors": {"docker.io": {"location": "registry.lab", "insecure": True}},
    } | further
    return [
        word for name, value in settings.items()
        for word in ("--data", f"{name}={value if isinstance(value, str) else json.dumps(value)}")
    ]


def shown_nowhere(machine):
    """No value was seen in a process list, and none is left."""
    machine.run("touch /root/watched; sleep 1")
    assert machine.run("cat /root/shown 2>/dev/null; :").stdout == ""
    found = machine.run(KEPT, timeout_s=600).stdout.splitlines()
    assert sorted(found) == sorted([NETRC, AUTH, "0"])
    assert machine.run("ls -d /run/xnai-network 2>/dev/null; :").stdout == ""


def test_a_pull_and_a_build_go_through_the_proxy_and_leave_no_password(behind):
    machine, proxy = behind
    # A service's own image: its packages are asked of the index again.
    machine.run(
        f"xnai-podman rmi --force $(xnai-podman images --format '{{{{.Repository}}}}:{{{{.Tag}}}}' "
        f"| grep -e '^{WORKER}_packages:') >/dev/null"
    )
    redis = ["--data", "redis_image=docker.io/library/redis:7.0"]
    reach = f"import socket; socket.create_connection(('{HOST}', {registry.port()}), 5)"
    assert machine.run(f'python3 -c "{reach}"', check=False).returncode != 0
    # The settings alone: the wrapper, the registries, and then what is fetched.
    outcome = deploy(machine, *words(proxy), deploy_file="tasks/containers.py")
    assert outcome.code == 0, outcome.log
    outcome = deploy(machine, *words(proxy), *redis, deploy_file="tasks/images.py")
    assert outcome.code == 0, outcome.log
    assert any(
        name.startswith("images: pull docker.io/library/redis:7.0") for name in outcome.changed
    )
    assert any("curation_worker_packages" in name for name in outcome.changed)
    assert any(one.startswith("GET registry.lab/v2/library/redis/blobs/") for one in proxy.gate_log)
    assert "pypi.org:443" in proxy.log.read_text()
    shown_nowhere(machine)
    # What runs is told of no proxy.
    told = machine.run(
        "for c in $(xnai-podman ps -q); do xnai-podman exec $c env 2>/dev/null; done | "
        "grep -i proxy; :"
    )
    assert told.stdout == ""


@pytest.mark.drill_only
def test_everything_is_built_anew_behind_index_and_mirror_with_passwords(behind):
    machine, proxy = behind
    settings = words(
        proxy, package_index_url="http://index.lab/simple", debian_mirror_url="http://debian.lab",
    )
    for step in ("tasks/containers.py", "tasks/images.py"):
        outcome = deploy(machine, *settings, deploy_file=step)
        assert outcome.code == 0, outcome.log
    assert any(one.startswith("GET index.lab/simple/") for one in proxy.gate_log)
    assert any(one.startswith("GET debian.lab/debian") for one in proxy.gate_log)
    shown_nowhere(machine)
