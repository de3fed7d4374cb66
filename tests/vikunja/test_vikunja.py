"""The real Vikunja by our own deploy: no start and no upgrade damages its database, and the rest.

Outside CI: it is built from a source that CI does not reach (docs/vikunja.md).
"""

from __future__ import annotations

import json
import re
import shlex

import pytest

from tests.lab.test_backup import backup, restore
from xnai.lab.deploying import deploy, host_tests
from xnai.lab.waiting import until

# ruff: noqa: S608  (no input: fixed text)
pytestmark = pytest.mark.lab

ROUNDS = 20
CONTAINER, DATABASE = "xnai_vikunja", "xnai_vikunja_db"
PASSWORD = "correct horse"  # noqa: S105
PSQL = (
    f"xnai-podman exec {DATABASE} psql --no-psqlrc -qtAX -v ON_ERROR_STOP=1 -h /run/postgresql "
    "-U vikunja"
)
# Without pg_dump's comments and the random words of each run.
SCHEMA = (
    f"xnai-podman exec {DATABASE} pg_dump --schema-only -h /run/postgresql -U vikunja vikunja "
    "| grep -v -e '^.restrict' -e '^.unrestrict' -e '^--' -e '^$' | sort"
)
# What a process alone comes to, that begins with the database $1.
KEEP = f"{SCHEMA} > /root/schema-%s"
# One login for a round. $1: the database to begin with (template), $2: when it is killed, or
# nothing.
ROUND = f"""
ready() {{ python3 -c 'import urllib.request as u
u.urlopen("http://127.0.0.1:3456/health", timeout=5)' 2>/dev/null; }}
xnai-podman stop {CONTAINER} >/dev/null
{PSQL} -d postgres -c 'drop database vikunja' -c "create database vikunja template $1" || exit 1
xnai-podman start {CONTAINER} >/dev/null
touch /run/checking
checks() {{ while [ -e /run/checking ]; do
    xnai-podman healthcheck run {CONTAINER} >/dev/null 2>&1; done; }}
checks & checks &
if [ -n "$2" ]; then sleep "$2"; pkill -KILL -f '^/app/vikunja/[v]ikunja$'; fi
for i in $(seq 300); do ready && break; sleep 0.3; done
rm /run/checking; wait
ready || {{ xnai-podman logs --tail 9 {CONTAINER}; exit 1; }}
echo "restarts $(xnai-podman inspect --format '{{{{.RestartCount}}}}' {CONTAINER})"
echo "migrations $({PSQL} -d vikunja -c 'select count(*), count(distinct id) from migration')"
{SCHEMA} > /root/schema-now
diff /root/schema-$1 /root/schema-now | sed -n 's/^[<>] /differs &/p'
"""
# After a kill the migrations go on one by one, where a first start makes the tables of today: one
# of them makes an index that the tables of today lack (2.5.0). It does no harm.
MORE = "> CREATE INDEX idx_task_positions_view_position "


def with_image(machine, reference: str, *words: str):
    """A deploy with another Vikunja."""
    return deploy(machine, "--data", f"vikunja_image={reference}", *words)


def one_round(machine, template: str, kill_after_s: float | None = None):
    """Start Vikunja on a copy of a database, its health check again and again beside it."""
    kill = "" if kill_after_s is None else f"{kill_after_s:.1f}"
    code = f"set -- {template} {shlex.quote(kill)}\n{ROUND}"
    done = machine.run(code, check=False, timeout_s=400)
    assert done.returncode == 0, done
    lines = [line.split(" ", 1) for line in done.stdout.splitlines()]
    found = dict(lines)
    found["differs"] = [rest for word, rest in lines if word == "differs"]
    return found


@pytest.fixture
def machine(deployed, images):
    """A deployed machine in whose Vikunja's place is 2.4.0, its database of before gone."""
    deployed.run(
        f"xnai-podman rm --force --time 30 {CONTAINER} {DATABASE} >/dev/null; "
        "xnai-podman volume rm xnai_vikunja_db_data xnai_vikunja_files"
    )
    outcome = with_image(deployed, images["2.4.0"])
    assert outcome.code == 0, outcome.log
    return deployed


def test_no_start_and_no_upgrade_damages_the_database(machine, images, rng, told):
    machine.run(
        f"{PSQL} -d postgres -c 'create database empty template template0'; "
        f"xnai-podman stop {CONTAINER} >/dev/null; "
        f"{PSQL} -d postgres -c 'create database older template vikunja'"
    )
    outcome = with_image(machine, images["2.5.0"])
    assert outcome.code == 0, outcome.log
    machine.run(KEEP % "older")
    count = machine.run(f"{PSQL} -d vikunja -c 'select count(*) from migration'").stdout.strip()
    # What a process alone comes to.
    machine.run(
        f"xnai-podman stop {CONTAINER} >/dev/null; {PSQL} -d postgres -c 'drop database vikunja' "
        "-c 'create database vikunja template empty'"
    )
    alone = "xnai-podman start {c} >/dev/null; for i in $(seq 200); do python3 -c 'import " \
        "urllib.request as u; u.urlopen(\"http://127.0.0.1:3456/health\", timeout=5)' " \
        "2>/dev/null && break; sleep 0.5; done"
    machine.run(alone.format(c=CONTAINER), timeout_s=300)
    machine.run(KEEP % "empty")
    for template, what in (("empty", "first start"), ("older", "upgrade 2.4.0 -> 2.5.0")):
        for kills in (False, True):
            seen = []
            for _ in range(ROUNDS if not kills else ROUNDS // 2):
                after_s = rng.uniform(0.2, 5) if kills else None
                found = one_round(machine, template, after_s)
                allowed = [one for one in found["differs"] if kills and one.startswith(MORE)]
                assert found["differs"] == allowed, (what, after_s, found)
                assert found["migrations"] == f"{count}|{count}", (what, after_s, found)
                assert kills or found["restarts"] == "0", (what, found)
                seen.append(found)
            killed = sum(found["restarts"] != "0" for found in seen)
            more = sum(bool(found["differs"]) for found in seen)
            how = f", killed at a random moment ({killed} times while it ran)" if kills else ""
            told(
                f"{what}{', killed' if kills else ''}, two health checks in a row beside it",
                f"{len(seen)} of {len(seen)}{how}: {count} migrations, each once, and the schema "
                f"of one process alone{f', {more} times with one index more' if more else ''}",
            )


CLIENT = r"""
import concurrent.futures, json, os, sys, urllib.request, uuid
B = "http://127.0.0.1:3456/api/v1"
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
def ask(method, path, data=None, kind="application/json", token=""):
    headers = {"content-type": kind} | ({"authorization": f"Bearer {token}"} if token else {})
    body = json.dumps(data).encode() if kind == "application/json" and data is not None else data
    request = urllib.request.Request(B + path, data=body, method=method, headers=headers)
    with opener.open(request, timeout=300) as answer:
        return answer.headers.get_all("set-cookie"), json.loads(answer.read() or b"null")
def login():
    cookies, said = ask("POST", "/login", {"username": "anna", "password": PASSWORD})
    return cookies[0].partition(";")[0], said["token"]
def upload(token, task, size):
    edge = uuid.uuid4().hex
    body = (f'--{edge}\r\nContent-Disposition: form-data; name="files"; filename="a.bin"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n").encode() + os.urandom(size)
    body += f"\r\n--{edge}--\r\n".encode()
    return ask("PUT", f"/tasks/{task}/attachments", body,
               f"multipart/form-data; boundary={edge}", token)[1]
def at_once(number, work):
    with concurrent.futures.ThreadPoolExecutor(number) as pool:
        return list(pool.map(lambda _: work(), range(number)))
"""


def client(machine, code: str, timeout_s: int = 600) -> str:
    """Run a client's code on the machine."""
    text = f"PASSWORD = {PASSWORD!r}\n{CLIENT}\n{code}"
    return machine.run("python3 -", stdin=text, timeout_s=timeout_s).stdout.strip()


def peaks(machine) -> dict[str, str]:
    """Container -> MiB that it had at most, and whether anything was killed."""
    said = machine.run(
        f"for c in {CONTAINER} {DATABASE}; do d=/sys/fs/cgroup$(xnai-podman inspect --format "
        "'{{.State.CgroupPath}}' $c); echo $c $(($(cat $d/memory.peak) >> 20)) "
        "$(sed -n 's/^oom_kill //p' $d/memory.events); done"
    ).stdout
    return {name: (int(mib), int(kills)) for name, mib, kills in map(str.split, said.splitlines())}


def test_the_story_of_a_task(machine, images, told):
    reference = images["2.5.0"]
    words = ("--data", f"vikunja_image={reference}")
    outcome = deploy(machine, *words)
    assert outcome.code == 0, outcome.log
    outcome = deploy(machine, *words)
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log
    told("deploy, and a second one", "healthy; no changes")
    done = host_tests(machine, "--allow-writes", *words)
    assert done.returncode == 0, done.stdout[-3000:]
    told("tests/host --allow-writes", re.findall(r"\d+ passed.*", done.stdout)[-1])

    outcome = deploy(
        machine, *words, "--data", "vikunja_account_name=anna", "--data",
        "vikunja_account_email=anna@example.org", deploy_file="tasks/vikunja_account.py",
        given=f"{PASSWORD}\n",
    )
    assert outcome.code == 0, outcome.log
    made = json.loads(client(machine, """
cookie, token = login()
project = ask("GET", "/projects", token=token)[1][0]["id"]
task = ask("PUT", f"/projects/{project}/tasks", {"title": "periwinkle"}, token=token)[1]["id"]
upload(token, task, 1000)
print(json.dumps([cookie, token, project, task]))"""))
    cookie, _, project, task = made
    look = f"""
print(ask("GET", "/tasks/{task}", token=login()[1])[1]["title"])"""
    assert client(machine, look) == "periwinkle"
    told("account by tasks/vikunja_account.py, login, task, attachment", "all taken")

    path = backup(machine, *words)
    client(machine, f"""ask("DELETE", "/tasks/{task}", token=login()[1])""")
    outcome = restore(machine, path, *words)
    assert outcome.code == 0, outcome.log
    assert client(machine, look) == "periwinkle"
    told("backup, the task deleted, restore", "the task is back")

    refresh = f"""
request = urllib.request.Request(
    B + "/user/token/refresh", method="POST", headers={{"cookie": {cookie!r}}})
try: print(opener.open(request, timeout=60).status)
except urllib.error.HTTPError as error: print(error.code)"""
    for more, expected in (((), "200"), (("--data", "end_vikunja_sessions=True"), "401")):
        outcome = deploy(machine, *words, *more, deploy_file="tasks/rotate_secrets.py")
        assert outcome.code == 0, outcome.log
        assert client(machine, refresh) == expected, more
        assert client(machine, look) == "periwinkle"
    told("rotation of all secrets", "an old session goes on; with end_vikunja_sessions it does not")

    said = client(machine, f"""
token = login()[1]
at_once(100, lambda: [ask("GET", "/projects/{project}", token=token) for _ in range(3)] and 1)
at_once(5, lambda: upload(token, {task}, 19_000_000))
print("all answered")""", timeout_s=1500)
    assert said == "all answered"
    found = peaks(machine)
    assert all(kills == 0 for _, kills in found.values()), found
    shown = ", ".join(f"{name} {mib} MiB" for name, (mib, _) in found.items())
    told("100 clients, then five uploads of 19 MB at once", f"{shown} at most, nothing killed")

    # The database away: it ends, again and again, and is well when the database is.
    machine.run(f"xnai-podman stop {DATABASE} >/dev/null; sleep 20; "
                f"xnai-podman start {DATABASE} >/dev/null")
    assert until(lambda: client(machine, """
try: print(opener.open("http://127.0.0.1:3456/health", timeout=20).status)
except OSError: print(0)""") == "200", timeout_s=120, every_s=2)
    outcome = deploy(machine, *words)
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log
    told("PostgreSQL stopped for 20 s", "well again by itself; the next deploy: no changes")
