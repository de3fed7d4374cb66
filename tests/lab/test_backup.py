"""A backup on a real machine: everything comes back, and nothing but a whole archive goes in."""

from __future__ import annotations

import json
import re
import subprocess
import time

import pytest

from tests.lab.migrations import migrated_alone
from tests.lab.redis_cli import REDIS
from xnai.lab.deploying import ROOT, Outcome, deploy, environment, pyinfra_argv

pytestmark = pytest.mark.lab

BACKUPS = "/var/lib/xnai/xnai/backup"
KEY_FILE = "/root/xnai-test-passphrase"
WORD = "periwinkle"
# Its pattern for pkill(1).
PROGRAM = "/backup/[r]estore-"
MARK = "/var/lib/xnai/xnai/unfinished-restore"
# ruff: noqa: S608  (no input: fixed text)
PSQL = "xnai-podman exec xnai_vikunja_db psql --no-psqlrc -qtAX -U vikunja -c"
# One login a step: each takes as long as a podman process does.
PUT = f"""
rm -f {BACKUPS}/*; {PSQL} 'drop table if exists xnai_kept'
{REDIS % f"set xnai_kept {WORD}"} &&
{PSQL} "create table xnai_kept as select '{WORD}' as word" &&
echo 'The door is {WORD}.' |
    xnai-podman exec -i xnai_rag_api python -m rag_api.ingest --title {WORD} -
"""
LOOK = f"""
{REDIS % "get xnai_kept"}; {PSQL} "select word from xnai_kept"
xnai-podman exec xnai_rag_api python -c 'import pathlib
for path in sorted(pathlib.Path("/data").iterdir()): print(path.name, b"{WORD}" in
    path.read_bytes())'
"""
DESTROY = f"""
{REDIS % "flushall"}; {PSQL} "drop table xnai_kept"
xnai-podman exec xnai_rag_api find /data -mindepth 1 -delete
"""
CLEAN = f"rm -f {BACKUPS}/*; {REDIS % 'del xnai_kept'}; {PSQL} 'drop table if exists xnai_kept'"
# What a restore could change, and a refused one must not; Redis and PostgreSQL, which write
# whenever they like, would have been started again.
DATA = (
    "cd /home/xnai/.local/share/containers/storage/volumes && find xnai_rag_index xnai_library "
    "xnai_vikunja_files -type f -printf '%p %U %s %T@\\n' | sort; xnai-podman ps --format "
    "'{{.Names}} {{.StartedAt}}'; ls -a " + BACKUPS
)


def backup(machine, *words: str) -> str:
    """Make an archive; return its path."""
    outcome = deploy(machine, *words, deploy_file="tasks/backup.py")
    assert outcome.code == 0, outcome.log
    return machine.run(f"ls -t {BACKUPS}/*.tar* | head -n 1").stdout.strip()


def restore(machine, path: str, *words: str) -> Outcome:
    """Restore an archive of the machine's."""
    return deploy(
        machine, "--data", f"restore_from={path}", *words, deploy_file="tasks/restore.py"
    )


def kill_at(machine, condition: str) -> None:
    """Let the restore's program be killed as soon as a condition of the shell is true.

    The brackets are for pkill(1), which would else find whoever calls it, and be ended with it.
    """
    machine.run(
        "systemctl reset-failed killer 2>/dev/null; systemd-run --unit=killer sh -c "
        f"'for i in $(seq 6000); do if {condition}; then pkill -KILL -f {PROGRAM} && exit; fi; "
        "sleep 0.05; done'"
    )


@pytest.fixture
def archive(deployed):
    """An archive with something of each kind in it."""
    deployed.run(PUT)
    yield backup(deployed)
    deployed.run(f"{CLEAN} >/dev/null; rm -f {KEY_FILE} /root/damaged.tar")


def test_all_that_was_destroyed_is_restored_and_a_damaged_archive_refused(deployed, archive):
    kept = deployed.run(LOOK).stdout
    assert kept.count(WORD) == 2 and "True" in kept, kept
    assert deployed.run(f"stat -c '%a %U' {BACKUPS} {archive}").stdout.split() == [
        "700", "root", "600", "root",
    ]
    found = deployed.run(f"{DESTROY}{LOOK}echo @@\n{DATA}", check=False).stdout
    looked, _, state = found.partition("@@\n")
    assert state and WORD not in looked
    for damage, said in (
        (f"head -c -600 {archive} > /root/damaged.tar", "it is cut short"),
        (
            f"cp {archive} /root/damaged.tar && printf X | dd of=/root/damaged.tar bs=1 "
            "seek=$(($(stat -c %s /root/damaged.tar) / 2)) conv=notrunc status=none",
            "was altered",
        ),
    ):
        deployed.run(damage)
        outcome = restore(deployed, "/root/damaged.tar")
        assert outcome.code != 0
        assert said in outcome.log and "Nothing was changed." in outcome.log, outcome.log
        assert deployed.run(DATA).stdout == state

    # Killed when it has emptied volumes, and the machine restarted: nothing starts on them.
    kill_at(deployed, f"[ -e {MARK} ]")
    outcome = restore(deployed, archive)
    assert outcome.code != 0, outcome.log
    assert '"kept"' in deployed.run(f"cat {MARK}").stdout
    deployed.reboot()
    outcome = deploy(deployed)
    assert outcome.code != 0 and outcome.changed == ()
    assert f"a restore was begun and not finished ({MARK})" in outcome.log, outcome.log
    assert deployed.run("xnai-podman ps --quiet").stdout == ""
    assert "-before-restore.tar" in deployed.run(f"ls {BACKUPS}").stdout

    outcome = restore(deployed, archive)
    assert outcome.code == 0, outcome.log
    assert deployed.run(LOOK).stdout == kept
    deployed.run(f"! [ -e {MARK} ]")
    migrated_alone(deployed)
    outcome = deploy(deployed)
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log


@pytest.mark.drill_only
def test_an_encrypted_archive_brings_back_a_machine_that_lost_all(deployed, archive):
    kept = deployed.run(LOOK).stdout
    deployed.run(f"umask 077; head -c 24 /dev/urandom | base64 > {KEY_FILE}")
    words = ("--data", f"backup_passphrase_file={KEY_FILE}")
    path = backup(deployed, *words)
    assert path.endswith(".tar.gpg")
    value_of = "xnai-podman secret inspect --showsecret --format '{{.SecretData}}' %s"
    password = deployed.run(value_of % "xnai_vikunja_db_password").stdout.strip()
    assert re.fullmatch("[0-9a-f]{64}", password)
    for plain in (WORD, password, "manifest", "xnai"):
        assert deployed.run(f"grep -ac {plain} {path}", check=False).stdout.strip() == "0"
    # As a machine is that was never here: no data, and secrets of its own.
    deployed.run(
        "xnai-podman rm --all --force --time 10 >/dev/null; "
        "xnai-podman volume rm --all --force >/dev/null; xnai-podman secret rm --all >/dev/null",
        timeout_s=300,
    )
    outcome = deploy(deployed)
    assert outcome.code == 0, outcome.log
    assert WORD not in deployed.run(LOOK).stdout
    assert deployed.run(value_of % "xnai_vikunja_db_password").stdout.strip() != password
    assert restore(deployed, path).code != 0  # without its passphrase
    # Cut off: nothing of it is taken.
    state = deployed.run(DATA).stdout
    deployed.run(f"head -c -600 {path} > /root/damaged.tar.gpg")
    outcome = restore(deployed, "/root/damaged.tar.gpg", *words)
    assert outcome.code != 0 and "Nothing was changed." in outcome.log, outcome.log
    assert deployed.run(DATA).stdout == state
    outcome = restore(deployed, path, *words)
    assert outcome.code == 0, outcome.log
    assert deployed.run(LOOK).stdout == kept
    assert deployed.run(value_of % "xnai_vikunja_db_password").stdout.strip() == password
    outcome = deploy(deployed)
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log


@pytest.mark.drill_only
def test_a_restore_killed_at_random_moments_loses_nothing(deployed, archive, rng, rounds):
    """Killed, or with it the whole machine: the data of before or the archive's are there, whole.

    What a killed user-mode Linux loses is its guest's memory. What a real disk's cache held is
    not lost with it, so this is no proof for a disk that says "written" too early.
    """
    kept = deployed.run(LOOK).stdout
    for number in range(rounds):
        seconds = rng.uniform(0, 25)
        kill_at(deployed, f"[ $i -gt {int(seconds * 20)} ] && pgrep -f {PROGRAM} >/dev/null")
        restore(deployed, archive)
        deployed.run("systemctl stop killer 2>/dev/null; :")
        if number % 4 == 3:
            deployed.reboot()
        ends_whole(deployed, number)
        assert deployed.run(LOOK).stdout == kept, seconds


@pytest.mark.drill_only
def test_a_restore_cut_off_by_a_power_failure_loses_nothing(deployed, archive, rng, rounds):
    """The machine's process is killed, and with it all that its kernel had not yet written.

    What user-mode Linux has written stands in this host's page cache, which outlives it: a disk
    that says "written" too early is not shown by this.
    """
    kept = deployed.run(LOOK).stdout
    for number in range(rounds):
        deployed.run("sync")
        words = pyinfra_argv(
            "--data", f"restore_from={archive}", deploy_file="tasks/restore.py"
        )
        process = subprocess.Popen(
            words, cwd=ROOT, env=environment(deployed), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        # From when it is about to change something; every fourth from when its program runs.
        begun = f"pgrep -f {PROGRAM}" if number % 4 == 3 else f"ls {MARK}"
        while process.poll() is None and not deployed.run(begun, check=False).stdout:
            time.sleep(0.2)
        seconds = rng.uniform(0, 20)
        time.sleep(seconds)
        deployed.power_cut()
        process.kill()
        process.wait()
        deployed.start()
        ends_whole(deployed, number)
        assert deployed.run(LOOK).stdout == kept, seconds


def ends_whole(machine, number: int) -> None:
    """See that an interrupted restore is known, and finish it or undo it, by turns."""
    marked = machine.run(f"cat {MARK} 2>/dev/null", check=False).stdout
    if marked:
        refused = deploy(machine)
        assert refused.code != 0 and "not finished" in refused.log, refused.log
        source = json.loads(marked)["kept" if number % 2 else "archive"]
        outcome = restore(machine, source)
        assert outcome.code == 0, outcome.log
    outcome = deploy(machine)
    assert outcome.code == 0, outcome.log
    print(f"round {number}: {'finished or undone' if marked else 'not begun, or done'}")
