"""The stack on a real machine: put right, back after faults, and true about itself."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.lab.redis_cli import REDIS, redis
from tests.lab.state_of import provisioned
from xnai.lab.deploying import ROOT, deploy, environment, xnai_argv
from xnai.lab.health import all_healthy, states, until_healthy
from xnai.lab.waiting import until

pytestmark = pytest.mark.lab

STACK = "/var/lib/xnai/xnai/stack"


BACKUPS = "/var/lib/xnai/xnai/backup"
POSTGRES = "docker.io/library/postgres"
PSQL = "xnai-podman exec xnai_vikunja_db psql --no-psqlrc -qtAX -U vikunja -c"


def ids(machine) -> dict[str, str]:
    """Container -> ID."""
    said = machine.run("xnai-podman ps --all --no-trunc --format '{{.Names}} {{.ID}}'").stdout
    return dict(line.split() for line in said.splitlines())


def xnai_status(machine) -> tuple[int, str]:
    """What `xnai status` says, and its exit code."""
    done = subprocess.run(
        xnai_argv("status"), cwd=ROOT, env=environment(machine), capture_output=True, text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_what_was_changed_by_hand_is_put_right(deployed):
    before = provisioned(deployed)
    made = ids(deployed)
    label = deployed.run(
        "xnai-podman inspect --format '{{index .Config.Labels \"io.xnai.config\"}} {{.ImageName}}' "
        "xnai_chainlit_ui"
    ).stdout.split()
    scope = "/sys/fs/cgroup/user.slice/user-*.slice/user@*.service/user.slice/libpod-%s.scope"
    deployed.run(
        "xnai-podman update --memory 100m xnai_docs >/dev/null && "
        "xnai-podman network disconnect xnai xnai_crawler && "
        f"echo max > {scope % made['xnai_vikunja']}/container/memory.swap.max && "
        # As somebody makes one by hand who means well: the labels are right, the rest is not.
        "xnai-podman rm --force xnai_chainlit_ui >/dev/null && xnai-podman run --detach "
        f"--name xnai_chainlit_ui --network xnai --label io.xnai.stack=xnai "
        f"--label io.xnai.config={label[0]} --publish 8001:8001 --env RAG_API_URL=http://x:1 "
        f"{label[1]} sleep 600 >/dev/null"
    )
    outcome = deploy(deployed)
    assert outcome.code == 0, outcome.log
    (name,) = outcome.changed
    for part in (
        "docs (drifted: limit mib 100 -> 64)",
        "crawler (drifted: networks none -> xnai)",
        "vikunja (drifted: memory.swap.max of its cgroup",
        "chainlit_ui (",
    ):
        assert part in name, name
    after = ids(deployed)
    assert {name for name in after if after[name] != made.get(name)} == {
        "xnai_docs", "xnai_crawler", "xnai_vikunja", "xnai_chainlit_ui",
    }
    assert provisioned(deployed) == before
    assert deploy(deployed).changed == ()


@pytest.mark.family("no change")
def test_podman_compose_by_hand_is_the_same_project_and_no_drift(deployed):
    made = ids(deployed)
    by_hand = (
        f"cd {STACK} && runuser -u xnai -- env -i HOME=/home/xnai USER=xnai "
        "PATH=/usr/bin:/bin XDG_RUNTIME_DIR=/run/user/$(id -u xnai) "
        "/opt/xnai/podman-compose/bin/podman-compose -f %s %s"
    )
    main, vikunja = "docker-compose.yml", "docker-compose.vikunja.yml"
    assert "xnai_rag_api" in deployed.run(by_hand % (main, "ps")).stdout
    assert "xnai_rag_api" not in deployed.run(by_hand % (vikunja, "ps")).stdout
    assert "database system is ready" in deployed.run(
        by_hand % (vikunja, "logs vikunja_db") + " 2>&1"
    ).stdout
    for file, service in ((main, "docs"), (vikunja, "vikunja")):
        deployed.run(by_hand % (file, f"restart {service}"), timeout_s=60)
    outcome = deploy(deployed)
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log
    assert ids(deployed) == made


def test_a_container_past_its_limit_is_killed_alone_and_named(deployed):
    made = ids(deployed)
    # A copy may have served another test before.
    restarts = int(deployed.run(
        "xnai-podman inspect --format '{{.RestartCount}}' xnai_redis"
    ).stdout)
    redis(deployed, "set xnai_before_oom 1")
    redis(deployed, "save")
    redis(deployed, "config set maxmemory 0")
    # One line for the shell in the container, and Redis' own words in it.
    deployed.run(
        REDIS % '"eval" "for i=1,600 do redis.call(\\"set\\",\\"xnai_oom:\\"..i,'
        'string.rep(\\"y\\",1048576)) end" 0',
        check=False, timeout_s=120,
    )
    assert until_healthy(deployed, 150), states(deployed)
    assert ids(deployed) == made
    assert redis(deployed, "get xnai_before_oom") == "1"
    code, said = xnai_status(deployed)
    assert code == 0, said
    # All of one container begin with the same words, and then the time.
    line = max(one for one in said.splitlines() if "the kernel killed" in one)
    assert line.strip().startswith("xnai_redis: the kernel killed redis-server at 20"), line
    assert "it went past its own memory limit (256 MiB, and 128 MiB in swap); " in line
    assert line.endswith(f"restarted {restarts + 1} times in all"), line
    redis(deployed, "del xnai_before_oom")
    outcome = deploy(deployed)
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log


BAD_GENERATIONS = [
    # An older Redis refuses the file that the newer one wrote: a downgrade.
    pytest.param(
        ("redis_image=docker.io/library/redis:7.0",), "xnai_redis", "Can't handle RDB format",
        id="downgrade",
    ),
    pytest.param(
        ("redis_image=docker.io/library/python:3.13-slim",), "xnai_redis", "No such file",
        id="image",
    ),
    pytest.param(
        ("rag_api_memory_limit_mib=64", "rag_api_swap_mib=0"), "xnai_rag_api",
        "it went past its own memory", id="setting",
    ),
]


@pytest.mark.family("bad generation")
@pytest.mark.parametrize(("settings", "container", "why"), BAD_GENERATIONS)
def test_a_generation_that_does_not_get_healthy_goes_back(deployed, settings, container, why):
    before = provisioned(deployed)
    # Not saved: it is on no disk when the deploy begins.
    redis(deployed, "set xnai_kept 1")
    data = (*settings, "stack_healthy_timeout_s=60")
    words = [word for name in data for word in ("--data", name)]
    outcome = deploy(deployed, *words)
    assert outcome.code != 0
    assert f"{container} is not healthy after" in outcome.log and why in outcome.log, outcome.log
    assert "  rolled back to the previous generation: " in outcome.log
    assert all_healthy(deployed)
    assert redis(deployed, "get xnai_kept") == "1"
    redis(deployed, "del xnai_kept")
    kept = re.findall(r"is the volume (xnai_redis_data_failed_\w+)\.", outcome.log)
    copies = f"ls {BACKUPS}/*-before-upgrade-redis.tar"
    if container == "xnai_redis":
        # What the error says of what it left is true, and works.
        look, remove = re.findall(r"Look: (.+); remove it: (sudo .+)$", outcome.log, re.M)[-1]
        assert "dump.rdb" in deployed.run(look).stdout and kept[-1] in remove
        deployed.run(f"{copies} && {remove}; rm -f {BACKUPS}/*-before-upgrade-*")
    else:
        assert kept == [] and deployed.run(copies, check=False).stdout == ""
    outcome = deploy(deployed)
    # What was pulled for the failed generation is not the stack's own to remove.
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log
    after = provisioned(deployed)
    del before["images"], after["images"]
    assert after == before


@pytest.mark.family("no change")
def test_an_older_major_of_postgresql_is_refused_before_anything_changes(deployed):
    made = ids(deployed)
    outcome = deploy(deployed, "--data", f"vikunja_db_image={POSTGRES}:15")
    assert outcome.code != 0 and outcome.changed == ()
    assert f"vikunja_db_image = {POSTGRES}:15: PostgreSQL 15 does not read" in outcome.log
    assert "There is no way back to an older major version" in outcome.log
    assert ids(deployed) == made
    outcome = deploy(deployed)
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log


@pytest.mark.drill_only
def test_a_newer_major_of_postgresql_comes_by_the_commands_of_its_refusal(deployed):
    remove = (
        "xnai-podman rm --force xnai_vikunja xnai_vikunja_db && "
        "xnai-podman volume rm xnai_vikunja_db_data"
    )
    older = ("--data", f"vikunja_db_image={POSTGRES}:15")
    # No way back for the files: a database of the older version from the start.
    deployed.run(remove)
    outcome = deploy(deployed, *older)
    assert outcome.code == 0, outcome.log
    deployed.run(f"{PSQL} \"create table xnai_kept as select 'periwinkle' as word\"")
    made = ids(deployed)
    outcome = deploy(deployed)
    assert outcome.code != 0 and outcome.changed == () and ids(deployed) == made
    for said in (f"tasks/backup.py --data {older[1]}", f"sudo {remove.replace('&& ', '&& sudo ')}"):
        assert said in outcome.log, outcome.log

    outcome = deploy(deployed, *older, deploy_file="tasks/backup.py")
    assert outcome.code == 0, outcome.log
    archive = deployed.run(f"ls -t {BACKUPS}/*.tar | head -n 1").stdout.strip()
    deployed.run(remove)
    outcome = deploy(deployed)
    assert outcome.code == 0, outcome.log
    outcome = deploy(
        deployed, "--data", f"restore_from={archive}", deploy_file="tasks/restore.py"
    )
    assert outcome.code == 0, outcome.log
    found = deployed.run(f"{PSQL} 'select word from xnai_kept'")  # noqa: S608  (fixed text)
    assert found.stdout.strip() == "periwinkle"
    assert deployed.run(f"{PSQL} 'show server_version'").stdout.startswith("17")
    deployed.run(f"{PSQL} 'drop table xnai_kept'; rm -f {BACKUPS}/*")
    outcome = deploy(deployed)
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log


# Without a network only its console tells what a machine does.
TELL = """
cat > /etc/systemd/system/tell.service <<'END'
[Service]
ExecStart=/bin/sh -c 'until [ "$(xnai-podman ps --quiet | wc -l)" = 9 ]; do sleep 1; done; \
    echo all nine containers run > /dev/console; sleep 15; echo and still > /dev/console'
[Install]
WantedBy=multi-user.target
END
systemctl enable tell.service
"""


def test_a_boot_without_a_network_starts_everything(deployed):
    before = deployed.run("cat /proc/sys/kernel/random/boot_id").stdout
    deployed.run(TELL)
    console = deployed.directory / "console.log"
    deployed.run("systemd-run --on-active=3 systemctl reboot")
    deployed.set_link(False)
    try:
        assert until(
            lambda: "and still" in console.read_text("utf-8", "replace"),
            timeout_s=600, every_s=1,
        ), console
    finally:
        deployed.set_link(True)
    deployed.run("rm /etc/systemd/system/tell.service /etc/systemd/system/*.wants/tell.service")
    assert until(
        lambda: deployed.run("cat /proc/sys/kernel/random/boot_id", check=False).stdout
        not in ("", before), timeout_s=60,
    )
    link_up_s = float(deployed.run("cut -d' ' -f1 /proc/uptime").stdout)
    started = deployed.run(
        "xnai-podman inspect --format '{{.State.StartedAt.Unix}}' $(xnai-podman ps -q)"
    ).stdout.split()
    booted = int(deployed.run("sed -n 's/^btime //p' /proc/stat").stdout)
    assert len(started) == 9
    # Before the link was there, and not because of it.
    assert max(map(int, started)) - booted < link_up_s - 10
    unit = deployed.run(
        "runuser -u xnai -- env XDG_RUNTIME_DIR=/run/user/$(id -u xnai) "
        "systemctl --user is-active xnai-stack.service"
    )
    assert unit.stdout.strip() == "active"
    zram = "systemctl show -P ActiveEnterTimestampMonotonic dev-zram0.swap"
    manager = "systemctl show -P ExecMainStartTimestampMonotonic user@$(id -u xnai).service"
    assert int(deployed.run(zram).stdout) < int(deployed.run(manager).stdout)
    outcome = deploy(deployed)
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log
