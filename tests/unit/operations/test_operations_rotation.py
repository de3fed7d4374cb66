"""rotation.rotate: the order of its steps, and what comes of each that fails."""

from __future__ import annotations

import dataclasses
import re

import pytest
from operation_runs import commands, on_a_host
from pyinfra.api.exceptions import OperationError
from rendering import stack
from unit_containers import as_wanted
from unit_settings import make

from xnai.operations import generation, healthy, rotation
from xnai.operations.stack import Stack
from xnai.programs.rotation.bundle import make_spec
from xnai.stack.catalogue import secret_forms
from xnai.stack.paths import rotation_home

SETTINGS = make()
PLAN = stack(SETTINGS)
HOME = rotation_home(SETTINGS)
SPEC = make_spec(SETTINGS, PLAN, secret_forms(SETTINGS), settled=True)
SERVICES = [one for one in PLAN.services if one.name in ("redis", "vikunja_db", "vikunja")]
REMOVE = "rm --force xnai_vikunja xnai_vikunja_db xnai_redis"
FORWARD = ["keep", "replace", REMOVE, "up vikunja_db", "role", "up redis", "up vikunja"]
BACK = ["test", "back", REMOVE, "up vikunja_db", "role", "up redis", "up vikunja", "finish"]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(healthy.time, "sleep", lambda seconds: None)


def step(command: str) -> str:
    """What a command does, in a word or two; empty for what every bring-up does besides."""
    if found := re.search(r"\.pyz (\w+)", command):
        return found[1]
    if found := re.search(r"--no-deps (\w+)", command):
        return f"up {found[1]}"
    if "rm --force" in command:
        names = re.findall(r"xnai_\w+", command.partition("--time 75 ")[2])
        return f"rm --force {' '.join(names)}" if len(names) > 2 else ""
    if "test -e" in command:
        return "test"
    if command.startswith("rm -f "):
        return "finish"
    return ""


class Failing:
    """A host whose commands of a step fail: the first `times` ones."""

    def __init__(self, host, step_: str, times: int) -> None:
        self.step, self.times, self.inner = step_, times, host.run_shell_command
        host.run_shell_command = self

    def __call__(self, command, **how):
        succeeded, output = self.inner(command, **how)
        if self.times and step(str(command)) == self.step:
            self.times -= 1
            output.stderr_lines = ["told to fail"]
            return False, output
        return succeeded, output


def rotate(fails="none", times=1, executing=True, spec=SPEC, differing=SERVICES):
    """The operation: (what it yielded, the steps that it ran, its error)."""
    of = Stack(
        plan=PLAN, directory="/stack", timeout_s=10, absent_files=(),
        read=lambda name, url: {name: as_wanted(
            next(one for one in PLAN.services if one.container_name == name)
        )},
    )
    with on_a_host(executing=executing) as host:
        # The generation before is this one, as `keep` has made it.
        host.files = {f"/stack/good/{file.name}": file.text for file in PLAN.files.values()}
        Failing(host, fails, times)
        found, error = [], ""
        try:
            found = commands(
                rotation.rotate, spec=spec, home=HOME, of=of, recreate=SERVICES,
                differing=lambda: differing,
            )
        except OperationError as failure:
            error = str(failure)
    asked = [one if isinstance(one, str) else one[0] for one in host.commands]
    keep = generation.keep("/stack", [file.name for file in PLAN.files.values()])
    steps = ["keep"] if asked and asked[0] == keep else []
    return found, steps + list(filter(None, map(step, asked))), error


def test_prepared_it_asks_the_host_for_nothing():
    found, steps, _ = rotate(executing=False)
    assert steps == []
    assert found[0].startswith(f'for d in {HOME}; do [ -e "$d" ] || install -d -m 0700 -o root')
    assert f" {HOME}/rotate-" in str(found[1])
    assert "; flock -o " in str(found[2]) and " replace" in str(found[2])
    assert re.fullmatch(
        rf"rm -f /run/xnai-rotation-xnai.json {HOME}/unfinished {HOME}/rotate-\w+.pyz", found[-1]
    )


def test_the_database_first_its_role_and_then_who_logs_in():
    found, steps, error = rotate()
    assert (steps, error, len(found)) == (FORWARD, "", 3)


WITH_SESSIONS = make_spec(
    make(end_vikunja_sessions=True), PLAN, secret_forms(SETTINGS), settled=True
)


def test_sessions_are_ended_when_all_is_up_with_the_new_secrets():
    found, _, _ = rotate(executing=False, spec=WITH_SESSIONS)
    assert " sessions'" in str(found[-2])
    _, steps, error = rotate(spec=WITH_SESSIONS)
    assert (steps, error) == ([*FORWARD, "sessions"], "")


def test_sessions_that_cannot_be_ended_are_no_reason_to_go_back():
    _, steps, error = rotate("sessions", spec=WITH_SESSIONS)
    assert steps == [*FORWARD, "sessions"]
    assert "ending the sessions with Vikunja:" in error and "told to fail" in error
    assert "The secrets are new all the same." in error


def test_without_the_databases_secret_its_role_is_left_alone():
    spec = make_spec(SETTINGS, PLAN, secret_forms(SETTINGS)[:1], settled=True)
    _, steps, _ = rotate(spec=spec)
    assert steps == [
        "keep", "replace", REMOVE, "up redis", "up vikunja_db", "up vikunja",
    ]


def test_an_unhealthy_stack_is_not_kept_as_one_to_go_back_to():
    _, steps, _ = rotate(spec=dataclasses.replace(SPEC, settled=False))
    assert steps == FORWARD[1:]


@pytest.mark.parametrize("fails", ["replace", REMOVE, "up vikunja_db", "role", "up vikunja"])
def test_what_fails_goes_back_to_the_old_secrets(fails):
    _, steps, error = rotate(fails)
    assert steps == FORWARD[:FORWARD.index(fails) + 1] + BACK
    assert error.endswith(
        "\n  The old secrets are in force again; recreated with them and healthy: xnai_redis, "
        "xnai_vikunja_db, xnai_vikunja."
    )


def test_where_no_container_differs_none_is_made_anew():
    _, steps, error = rotate("replace", differing=[])
    assert steps == ["keep", "replace", "test", "back", "role", "finish"]
    assert "healthy: no container." in error


def test_what_fails_before_the_rotation_began_changes_nothing(monkeypatch):
    monkeypatch.setattr(rotation, "run_within", lambda command, run=rotation.run_within: (
        (False, None) if "test -e" in command else run(command)
    ))
    _, steps, error = rotate("replace")
    assert steps == ["keep", "replace", "finish"]
    assert error == "the secrets (replace):\n    told to fail\n  Nothing was changed."


def test_a_role_that_cannot_be_set_does_not_keep_the_services_down():
    _, steps, error = rotate("role", times=2)
    assert steps[-len(BACK):] == BACK
    assert "The old secrets are in force again" in error
    assert error.endswith("role's password was not set: the secrets (role):\n    told to fail")


@pytest.mark.parametrize("fails", ["up redis", REMOVE])
def test_going_back_that_fails_keeps_the_old_values_and_says_what_to_do(fails):
    _, steps, error = rotate(fails, times=2)
    assert "finish" not in steps
    assert "going back to the old secrets failed as well: " in error
    assert error.endswith("run tasks/rotate_secrets.py again: it makes all secrets anew.")
