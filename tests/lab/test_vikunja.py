"""Vikunja's database is migrated by its server alone; accounts and sessions.

The stand-in migrates without a lock, as Vikunja does: two processes at once end with an error or a
damaged schema, and it notes that there were two (docs/vikunja.md).
"""

from __future__ import annotations

import pytest

from tests.lab.migrations import SQL, migrated_alone
from tests.lab.test_backup import backup, restore
from xnai.lab.deploying import deploy
from xnai.lab.waiting import until

pytestmark = pytest.mark.lab
# ruff: noqa: S608  (no input: fixed text)

CONTAINER = "xnai_vikunja"
ANNA = ("--data", "vikunja_account_name=anna", "--data", "vikunja_account_email=a@example.org")
PASSWORD = "correct horse"  # noqa: S105
STOP = f"xnai-podman stop {CONTAINER} >/dev/null"
# As on the day of the first start, and as a version before has left it.
EMPTY = f"{SQL} 'drop schema public cascade' && {SQL} 'create schema public'"
OLDER = (
    f"{SQL} 'drop table projects; alter table tasks drop column project_id; "
    "delete from migration where id > 5'"
)
# The stand-in kills itself once, after that migration, as the kernel would; Podman starts it again.
DIES = "create table stand_in_dies_after as select %d as id"
ANSWERS = """python3 -c 'import urllib.request as u
print(u.urlopen("http://127.0.0.1:3456/health", timeout=30).status)'"""
BOOT = (
    "runuser -u xnai -- env XDG_RUNTIME_DIR=/run/user/$(id -u xnai) "
    "systemctl --user restart xnai-stack.service"
)


def account(machine, password: str = PASSWORD):
    """Make anna's account."""
    return deploy(machine, *ANNA, deploy_file="tasks/vikunja_account.py", given=f"{password}\n")


def serves(machine) -> bool:
    """Whether the server answers that it is well."""
    return machine.run(ANSWERS, check=False).stdout.strip() == "200"


def killed(machine) -> bool:
    """Whether the server was killed that was to be."""
    asked = f"{SQL} \"select to_regclass('stand_in_dies_after') is null\""
    return machine.run(asked).stdout.strip() == "t"


def test_one_process_migrates_and_accounts_are_made_when_it_has(deployed):
    migrated_alone(deployed)
    # A first start that is killed in the middle, with the health check again and again beside it.
    deployed.run(f"{STOP}; {EMPTY} && {SQL} '{DIES % 3}'")
    assert not killed(deployed)
    checks = f"for i in $(seq 12); do xnai-podman healthcheck run {CONTAINER}; done"
    deployed.run(f"xnai-podman start {CONTAINER}; {checks}; :", timeout_s=300)
    assert until(lambda: serves(deployed), timeout_s=120, every_s=1)
    assert killed(deployed)
    migrated_alone(deployed)

    outcome = account(deployed)
    assert outcome.code == 0 and PASSWORD not in outcome.log, outcome.log
    assert "Vikunja has the account anna" in outcome.log
    asked = f"{SQL} 'select username, email from users'"
    assert deployed.run(asked).stdout.strip() == "anna|a@example.org"
    outcome = account(deployed, "another one")
    assert outcome.code != 0 and "there is an account anna already" in outcome.log, outcome.log
    assert account(deployed, "short").code != 0
    assert deployed.run(asked).stdout.strip() == "anna|a@example.org"
    migrated_alone(deployed)

    deployed.run(STOP)
    ended = f"xnai-podman inspect --format '{{{{.State.ExitCode}}}}' {CONTAINER}"
    log = f"xnai-podman logs --tail 3 {CONTAINER} 2>&1"
    assert deployed.run(ended).stdout.strip() == "0"
    assert "Shutting down" in (said := deployed.run(log).stdout), said
    deployed.run(f"xnai-podman start {CONTAINER} >/dev/null; {SQL} 'delete from users'")


@pytest.mark.drill_only
@pytest.mark.parametrize("way", ["deploy", "boot", "restore", "rollback"])
def test_a_server_killed_while_it_migrates_is_waited_for(deployed, way):
    deployed.run(f"{OLDER} && {SQL} '{DIES % 7}'")
    path = backup(deployed) if way == "restore" else ""
    deployed.run(STOP)
    if way == "boot":
        deployed.run(BOOT, timeout_s=400)
    elif way == "restore":
        outcome = restore(deployed, path)
        assert outcome.code == 0, outcome.log
    elif way == "deploy":
        outcome = deploy(deployed)
        assert outcome.code == 0, outcome.log
    else:
        # What is gone back to has the data that the failed one left alone, and migrates them.
        outcome = deploy(
            deployed, "--data", "vikunja_image=docker.io/library/python:3.13-slim",
            "--data", "stack_healthy_timeout_s=60",
        )
        rolled_back = "rolled back to the previous generation: "
        assert outcome.code != 0 and rolled_back in outcome.log, outcome.log
    assert killed(deployed)
    # Nobody returned before it served.
    assert way == "boot" or serves(deployed)
    assert until(lambda: serves(deployed), timeout_s=120, every_s=1)
    migrated_alone(deployed)
    outcome = deploy(deployed)
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log
