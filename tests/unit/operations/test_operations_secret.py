"""Secrets: the command, and that the value stays out of every process's arguments."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest
from operation_runs import commands, on_a_host

from xnai.facts.podman_call import XNAI_PODMAN
from xnai.operations import secret
from xnai.operations.guard import one_at_a_time
from xnai.remote.lease_code import DIRECTORY

FORMS = {"xnai_redis_password": "%s", "xnai_redis_auth_conf": "requirepass %s\\n"}


def command() -> str:
    with on_a_host(executing=False):
        (found,) = commands(secret.generate, stack_name="xnai", forms=FORMS)
    return found


def test_command():
    assert command() == one_at_a_time(
        "absent=; there=; for n in xnai_redis_password xnai_redis_auth_conf; do "
        "/usr/local/bin/xnai-podman secret exists $n; e=$?; case $e in 0) there=\"$there $n \" ;; "
        "1) absent=yes ;; *) exit $e ;; esac; done; [ -z \"$absent\" ] || { "
        "v=$(od -An -tx1 -N32 /dev/urandom | tr -d ' \\n') && [ ${#v} = 64 ] && "
        "{ case \"$there\" in *\" xnai_redis_password \"*) r=--replace ;; *) r= ;; esac; "
        "printf %s \"$v\" | /usr/local/bin/xnai-podman secret create $r "
        "--label io.xnai.stack=xnai xnai_redis_password - >/dev/null; } && "
        "{ case \"$there\" in *\" xnai_redis_auth_conf \"*) r=--replace ;; *) r= ;; esac; "
        "printf 'requirepass %s\\n' \"$v\" | /usr/local/bin/xnai-podman secret create $r "
        "--label io.xnai.stack=xnai xnai_redis_auth_conf - >/dev/null; }; }"
    )


def with_stand_ins(tmp_path) -> str:
    """The command with a Podman and a lock of the test's own."""
    text = command().replace(XNAI_PODMAN, str(tmp_path / "xnai-podman"))
    return text.replace(DIRECTORY, str(tmp_path))


def run(shell: str, tmp_path, podman: str, **programs: str) -> subprocess.CompletedProcess[str]:
    """Run the command for real, with stand-ins for programs."""
    for name, text in {"xnai-podman": podman, **programs}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    return subprocess.run(
        [shell, "-c", with_stand_ins(tmp_path)],
        capture_output=True, text=True, check=False,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )


# What a stand-in does: note its arguments, those of its ancestors' shell, and its input.
NOTE = (
    '[ "$2" != exists ] || exit ${EXISTS:-1}\n'
    'd=$(dirname "$0"); echo "$@" >> "$d/argv"; cat /proc/[0-9]*/cmdline 2>/dev/null '
    '| tr "\\0" " " >> "$d/argv"; for last; do :; done\n'
    'while [ $# -gt 2 ]; do shift; done; cat > "$d/$1.value"; echo an-id'
)


@pytest.mark.parametrize("shell", ["sh", "dash", "bash"])
def test_the_value_is_no_argument_of_any_process_and_not_in_the_output(tmp_path, shell):
    done = run(shell, tmp_path, NOTE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    value = (tmp_path / "xnai_redis_password.value").read_text()
    assert re.fullmatch("[0-9a-f]{64}", value)
    assert (tmp_path / "xnai_redis_auth_conf.value").read_text() == f"requirepass {value}\n"
    seen = (tmp_path / "argv").read_text()
    # The whole machine's command lines were read while both were made: ours is among them.
    assert seen.count("secret create --label io.xnai.stack=xnai") >= 2
    assert value not in seen
    assert (tmp_path / "lock").read_text() == ""
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {
        "argv", "lock", "xnai-podman", "xnai_redis_auth_conf.value", "xnai_redis_password.value",
    }


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_the_value_is_in_no_execve(tmp_path):
    (tmp_path / "xnai-podman").write_text(f"#!/bin/sh\n{NOTE}\n")
    (tmp_path / "xnai-podman").chmod(0o755)
    text = with_stand_ins(tmp_path)
    done = subprocess.run(
        ["strace", "-f", "-s", "4096", "-e", "trace=execve", "sh", "-c", text],
        capture_output=True, text=True, check=True,
    )
    assert "secret" in done.stderr
    assert (tmp_path / "xnai_redis_password.value").read_text() not in done.stderr


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_two_runs_make_two_values(tmp_path, shell):
    values = set()
    for _ in range(2):
        run(shell, tmp_path, NOTE)
        values.add((tmp_path / "xnai_redis_password.value").read_text())
    assert len(values) == 2


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_secrets_that_exist_are_not_replaced(tmp_path, shell):
    done = run(shell, tmp_path, NOTE.replace("${EXISTS:-1}", "0"))
    assert done.returncode == 0
    assert not (tmp_path / "argv").exists()


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_a_podman_that_fails_ends_it(tmp_path, shell):
    done = run(shell, tmp_path, 'cat >/dev/null; echo "$@" >> "$0.calls"; exit 125')
    assert done.returncode == 125
    assert len((tmp_path / "xnai-podman.calls").read_text().splitlines()) == 1


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_too_little_randomness_makes_no_secret(tmp_path, shell):
    done = run(shell, tmp_path, NOTE, od="echo 00 11")
    assert done.returncode == 1
    assert not (tmp_path / "argv").exists()


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_only_what_exists_is_replaced(shell, tmp_path):
    """Podman 4.9 refuses --replace for a secret that does not exist."""
    podman = (
        'case "$*" in "secret exists xnai_redis_password") exit 0 ;; "secret exists"*) exit 1 ;; '
        f'esac; cat >/dev/null; echo "$@" >> {tmp_path}/asked'
    )
    assert run(shell, tmp_path, podman).returncode == 0
    assert (tmp_path / "asked").read_text().splitlines() == [
        "secret create --replace --label io.xnai.stack=xnai xnai_redis_password -",
        "secret create --label io.xnai.stack=xnai xnai_redis_auth_conf -",
    ]


def test_a_users_value_goes_through_the_input_alone():
    with on_a_host(executing=False):
        (found,) = commands(
            secret.put, stack_name="xnai", value=b"sk-x", label="a:b",
            name_of_secret="xnai_openai_key",  # noqa: S106  (its name)
        )
    assert str(found) == one_at_a_time(
        "/usr/local/bin/xnai-podman secret exists xnai_openai_key; e=$?; r=; case $e in 0) "
        "r=--replace ;; 1) ;; *) exit $e ;; esac; base64 -d | /usr/local/bin/xnai-podman secret "
        "create $r --label io.xnai.stack=xnai --label io.xnai.value=a:b xnai_openai_key - "
        ">/dev/null"
    )
