"""The PostgreSQL stand-in's entry point does what the official image documents."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from xnai.lab.standins.definitions import POSTGRES

SOCKETS = "/var/run/postgresql"
# mkdir and chmod too: the socket's folder of the host that runs this is not ours.
STUBS = (
    "find", "setpriv", "mkdir", "chmod", "pg_ctl", "psql", "postgres", "initdb", "id",
)


class Entrypoint:
    """The script beside programs that print how they were called."""

    def __init__(self, directory: Path) -> None:
        self.stubs = directory / "stubs"
        self.data = directory / "data"
        self.data.mkdir()
        self.stubs.mkdir()
        for name in STUBS:
            (self.stubs / name).write_text(f'#!/bin/sh\necho {name} "$@"\n')
        self.stub("postgres", '[ "$1" = -C ] && echo scram-sha-256 || echo postgres "$@"')
        # Its last word but one is not printed: the pipe's number differs.
        self.stub("initdb", 'echo "initdb $1 $3 password=$(cat "${2#--pwfile=}")"')
        self.stub("psql", 'echo psql "$@"; cat')
        for stub in self.stubs.iterdir():
            stub.chmod(0o755)

    def stub(self, name: str, text: str) -> None:
        (self.stubs / name).write_text(f"#!/bin/sh\n{text}\n")

    def run(self, uid: int, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        self.stub("id", f"echo {uid}")
        return subprocess.run(
            ["bash", str(POSTGRES.script), *words],
            env={"PATH": f"{self.stubs}:{os.environ['PATH']}", "PGDATA": str(self.data), **env},
            capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        )

    def lines(self, uid: int, *words: str, **env: str) -> list[str]:
        done = self.run(uid, *words, **env)
        assert done.returncode == 0, done.stderr
        # Folders are made in every case.
        return [x for x in done.stdout.splitlines() if not x.startswith(("mkdir ", "chmod "))]


@pytest.fixture
def entrypoint(tmp_path: Path) -> Entrypoint:
    return Entrypoint(tmp_path)


def test_as_root_folders_are_handed_over_before_rights_are_dropped(entrypoint: Entrypoint) -> None:
    assert entrypoint.lines(0, "postgres", "-c", "x=1") == [
        rf"find {entrypoint.data} {SOCKETS} ! -user postgres -exec chown postgres {{}} +",
        f"setpriv --reuid=postgres --regid=postgres --init-groups -- {POSTGRES.script} "
        "postgres -c x=1",
    ]


@pytest.mark.parametrize(
    ("words", "called"),
    [
        (["postgres"], "postgres"),
        (["-c", "x=1"], "postgres -c x=1"),
        (["postgres", "--version"], "postgres --version"),
        (["psql", "x"], "psql x"),
    ],
)
def test_an_initialised_folder_is_left_alone(
    entrypoint: Entrypoint, words: list[str], called: str
) -> None:
    (entrypoint.data / "PG_VERSION").write_text("17\n")
    assert entrypoint.lines(999, *words) == [called]


def test_an_empty_folder_is_initialised_behind_the_socket(entrypoint: Entrypoint) -> None:
    password = entrypoint.data.parent / "password"
    password.write_text("two words\n")
    lines = entrypoint.lines(
        999, "postgres", "-c", "x=1",
        POSTGRES_PASSWORD_FILE=str(password), POSTGRES_USER="me", POSTGRES_DB="my db",
        POSTGRES_INITDB_ARGS="--encoding='UTF 8'",
    )
    assert lines == [
        "initdb --username=me --encoding=UTF 8 password=two words",
        r"pg_ctl --wait -o -c x=1 -c listen_addresses= -p 5432  start",
        "psql --set ON_ERROR_STOP=1 --no-psqlrc --no-password --username me --dbname my db "
        "--dbname postgres --set db=my db",
        'CREATE DATABASE :"db";',
        "pg_ctl --wait -m fast stop",
        "PostgreSQL init process complete; ready for start up.",
        "postgres -c x=1",
    ]
    assert (entrypoint.data / "pg_hba.conf").read_text() == "\nhost all all all scram-sha-256\n"


def test_user_and_database_default_to_postgres(entrypoint: Entrypoint) -> None:
    lines = entrypoint.lines(999, "postgres", POSTGRES_HOST_AUTH_METHOD="trust")
    assert lines[0] == "initdb --username=postgres  password="
    assert not [line for line in lines if line.startswith("psql")]
    assert (entrypoint.data / "pg_hba.conf").read_text() == "\nhost all all all trust\n"


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({}, "no superuser password is given"),
        ({"POSTGRES_PASSWORD": "x", "POSTGRES_PASSWORD_FILE": "/y"}, "they exclude each other"),
        ({"POSTGRES_PASSWORD_FILE": "/not/there"}, "cannot be read: /not/there"),
        ({"POSTGRES_HOST_AUTH_METHOD": "md5"}, "no superuser password is given"),
    ],
)
def test_what_cannot_be_initialised_is_refused(
    entrypoint: Entrypoint, env: dict[str, str], message: str
) -> None:
    done = entrypoint.run(999, "postgres", **env)
    assert done.returncode == 1
    assert message in done.stderr
    assert "initdb" not in done.stdout
