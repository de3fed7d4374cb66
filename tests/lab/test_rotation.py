"""Rotation of secrets on a real machine: new ones are in force, or the old ones are again."""

from __future__ import annotations

import pytest

from tests.lab.migrations import SQL, migrated_alone
from xnai.lab.deploying import Outcome, deploy

pytestmark = pytest.mark.lab
# ruff: noqa: S608  (no input: fixed text)

# What lasts from one step to the next stays on the machine, in memory and root's alone.
OLD = "/run/xnai-test-old"
FAIL = "/run/xnai-test-fail"
PODMAN = "/usr/local/bin/xnai-podman"
NAMES = (
    "xnai_redis_password", "xnai_redis_auth_conf", "xnai_ingest_token", "xnai_chainlit_auth_secret",
    "xnai_vikunja_db_password", "xnai_vikunja_secret",
)
VALUES = f"""xnai-podman secret inspect --showsecret {' '.join(NAMES)} | python3 -c '
import hashlib, json, sys
for one in json.load(sys.stdin):
    value, name = one["SecretData"].split()[-1], one["Spec"]["Name"]
    print(name, %s)'"""
DIGESTS = VALUES % "hashlib.sha256(value.encode()).hexdigest()"
KEEP = f"umask 077; {VALUES % 'value'} > {OLD}; head -n 1 {OLD} | cut -d' ' -f1"
# Asks Redis and the database (by its address in the network: at 127.0.0.1 it asks for no
# password) with a password from standard input.
LOGIN = f"""
value() {{ sed -n "s/^$1 //p" {OLD}; }}
value xnai_redis_password | xnai-podman exec -i xnai_redis sh -c \
    'REDISCLI_AUTH=$(cat) redis-cli ping 2>&1' | grep -cx PONG
value xnai_vikunja_db_password | xnai-podman exec -i xnai_vikunja_db sh -c \
    'PGPASSWORD=$(cat) psql -X -h vikunja_db -U vikunja -qtAc "select 1" 2>&1' | grep -cx 1
"""
ANSWERS = """python3 -c '
import urllib.request as u
for port, path in ((3456, "health"), (8000, "ready")):
    print(u.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=30).status)'"""
LEFT = "ls /run/xnai-rotation* /var/lib/xnai/xnai/rotation"
# Everything that could have been written of what went by; nothing of it is shown.
WRITTEN = (
    f"cut -d' ' -f2 {OLD} > {OLD}.values; {VALUES % 'value'} | cut -d' ' -f2 >> {OLD}.values; "
    f"{{ journalctl -b --no-pager -o cat; cat {OLD}.log; find /var/log /var/lib/xnai /tmp -xdev "
    f"-type f -exec cat {{}} +; "
    "xnai-podman inspect $(xnai-podman ps --all --quiet); cat /proc/[0-9]*/cmdline; "
    f"}} 2>/dev/null | grep -aFcf {OLD}.values"
)


def rotate(machine, *words: str) -> Outcome:
    """Run the rotation."""
    return deploy(machine, *words, deploy_file="tasks/rotate_secrets.py")


def digests(machine) -> dict[str, str]:
    """Secret -> digest of its value."""
    return dict(line.split() for line in machine.run(DIGESTS).stdout.splitlines())


@pytest.fixture
def machine(deployed):
    """The machine, its present values kept there."""
    assert deployed.run(KEEP).stdout.strip() in NAMES
    assert deployed.run(LOGIN, check=False).stdout.split() == ["1", "1"]
    yield deployed
    deployed.run(f"rm -f {OLD}* {FAIL}; [ ! -e {PODMAN}.real ] || mv {PODMAN}.real {PODMAN}")


def test_all_secrets_are_new_and_the_old_ones_refused(machine):
    before = digests(machine)
    machine.run(f"{SQL} \"insert into sessions (token) values ('one'), ('two')\"")
    outcome = rotate(machine, "-vvv", "--data", "end_vikunja_sessions=True")
    assert outcome.code == 0, outcome.log
    after = digests(machine)
    assert set(after) == set(NAMES) and not set(after.values()) & set(before.values())
    assert after["xnai_redis_password"] == after["xnai_redis_auth_conf"]
    assert machine.run(LOGIN, check=False).stdout.split() == ["0", "0"]
    assert machine.run(ANSWERS).stdout.split() == ["200", "200"]
    machine.run(f"umask 077; cat > {OLD}.log", stdin=outcome.log)
    assert machine.run(WRITTEN, check=False).stdout.strip() == "0"
    assert machine.run(LEFT, check=False).stdout.split() == ["/var/lib/xnai/xnai/rotation:"]
    assert machine.run(f"{SQL} 'select count(*) from sessions'").stdout.strip() == "0"
    assert "sessions with Vikunja that were ended: 2" in outcome.log, outcome.log
    migrated_alone(machine)
    outcome = deploy(machine)
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log


@pytest.mark.drill_only
def test_a_service_that_does_not_start_brings_the_old_secrets_back(machine):
    before = digests(machine)
    # The last of all steps fails, once: the database's role has its new password by then.
    machine.run(
        f"mv {PODMAN} {PODMAN}.real; touch {FAIL}; cat > {PODMAN}; chmod 755 {PODMAN}",
        stdin=f"""#!/bin/sh
case "$*" in *"--no-deps vikunja") if rm {FAIL} 2>/dev/null; then
    echo "told to fail" >&2; exit 1
fi ;; esac
exec {PODMAN}.real "$@"
""",
    )
    outcome = rotate(machine)
    assert outcome.code != 0
    assert "told to fail" in outcome.log, outcome.log
    assert "The old secrets are in force again" in outcome.log, outcome.log
    machine.run(f"mv {PODMAN}.real {PODMAN}")
    assert digests(machine) == before
    assert machine.run(LOGIN, check=False).stdout.split() == ["1", "1"]
    assert machine.run(ANSWERS).stdout.split() == ["200", "200"]
    assert machine.run(LEFT, check=False).stdout.split() == ["/var/lib/xnai/xnai/rotation:"]
    outcome = deploy(machine)
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log
