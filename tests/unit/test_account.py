"""Vikunja's accounts: the program on the host, and where the password comes from."""

from __future__ import annotations

import dataclasses
import io
import os
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rendering import stack
from unit_settings import ROOT, make

from xnai.programs.account import host as account_host
from xnai.programs.account.bundle import bundle, make_spec
from xnai.programs.account.host import VikunjaAccount, answering, main
from xnai.programs.account.spec import AccountSpec, parse
from xnai.programs.backup.process import Failed
from xnai.run import password as asked_password
from xnai.run.pyinfra import HostFailed

SPEC = make_spec(stack(make()), "anna", "anna@example.org")
PASSWORD = "correct horse é"  # noqa: S105
# As the program does: it wants a terminal, asks twice, and goes on where the answers differ.
# State: accounts; calls: every argv; argv: of all processes meanwhile.
PODMAN = r"""#!/bin/bash
cd "$(dirname "$0")" || exit 1
echo "$@" >> calls
cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' >> argv
case "$*" in
*psql*) for word; do case $word in --set=name=*) n=${word#--set=name=} ;; esac; done
    cat > asked; if grep -qx "$n" accounts; then echo 1; fi ;;
*"user create"*)
    [ ! -e hangs ] || exec sleep 60
    [ ! -e refuses ] || { echo 'level=ERROR msg="Provided email is invalid."'; exit 1; }
    [ -t 0 ] || { echo "inappropriate ioctl for device"; exit 1; }
    stty -echo
    printf 'Enter Password: '; read -r one
    printf '\nConfirm Password: '; read -r two
    [ "$one" = "$two" ] || echo "Passwords don't match!"
    stty echo
    printf '%s' "$one" > password
    for word; do case $word in --username=*) echo "${word#*=}" >> accounts ;; esac; done ;;
esac
"""


@pytest.fixture
def machine(tmp_path, own_process):
    """A directory with the script, and no account."""
    (tmp_path / "podman").write_text(PODMAN)
    (tmp_path / "podman").chmod(0o755)
    (tmp_path / "accounts").write_text("")
    os.umask(0o022)
    return tmp_path


def spec(machine, **changes: object) -> AccountSpec:
    """SPEC for the script."""
    return dataclasses.replace(SPEC, podman=str(machine / "podman"), **changes)


def piped(content: bytes, encoding: str = "iso-8859-15") -> io.TextIOWrapper:
    """A standard input that is none; root's locale there need not be UTF-8."""
    return io.TextIOWrapper(io.BytesIO(content), encoding=encoding, errors="surrogateescape")


def run(machine, monkeypatch, password: str = PASSWORD, **changes: object) -> int:
    """The program, its input as it comes to it."""
    monkeypatch.setattr(sys, "stdin", piped(f"{password}\n".encode()))
    return main(spec(machine, **changes))


def test_what_it_is_told_goes_there_and_back():
    assert parse(SPEC.text()) == SPEC
    assert (SPEC.container, SPEC.database_container) == ("xnai_vikunja", "xnai_vikunja_db")
    assert SPEC.program == "/app/vikunja/vikunja"


def test_an_account_is_made_and_its_password_is_in_no_process_list(machine, monkeypatch, capfd):
    assert run(machine, monkeypatch) == 0
    assert (machine / "password").read_text() == PASSWORD
    assert (machine / "accounts").read_text() == "anna\n"
    said = "".join(capfd.readouterr())
    assert said == "Vikunja has the account anna\n"
    for name in ("calls", "argv", "asked"):
        assert PASSWORD not in (machine / name).read_text()
    assert "--email=anna@example.org" in (machine / "calls").read_text()


def test_one_that_is_there_is_left_as_it_is(machine, monkeypatch, capfd):
    (machine / "accounts").write_text("anna\n")
    assert run(machine, monkeypatch) == 1
    said = capfd.readouterr().err
    assert said.startswith("there is an account anna already, and it was left as it is.")
    assert "user reset-password --direct anna" in said
    assert not (machine / "password").exists()


def test_what_vikunja_refuses_is_told_in_its_words(machine, monkeypatch, capfd):
    (machine / "refuses").touch()
    assert run(machine, monkeypatch) == 1
    assert capfd.readouterr().err == (
        "Vikunja did not make the account anna: exit code 1\n"
        '  level=ERROR msg="Provided email is invalid."\n'
    )


def test_what_does_not_end_is_ended(machine, monkeypatch, capfd):
    (machine / "hangs").touch()
    assert run(machine, monkeypatch, limit_s=1) == 1
    assert "did not make the account anna: no end within 1 s" in capfd.readouterr().err


def test_success_that_made_no_account_is_none(machine, monkeypatch, capfd):
    monkeypatch.setattr(account_host, "answering", lambda *_: (0, f"typed: {PASSWORD}\nwhy\n"))
    assert run(machine, monkeypatch) == 1
    said = capfd.readouterr().err
    assert "exit code 0\n  why\n" in said and PASSWORD not in said


def test_an_account_that_is_there_after_a_failure_is_told(machine, monkeypatch, capfd):
    def half(*_):
        (machine / "accounts").write_text("anna\n")
        return 1, "Error creating new project for user\n"

    monkeypatch.setattr(account_host, "answering", half)
    assert run(machine, monkeypatch) == 1
    assert capfd.readouterr().err.startswith(
        "the account anna is there, and Vikunja did not end well with it: exit code 1\n"
    )


@pytest.mark.parametrize(
    "code", [
        "exec yes",  # prints without end
        # Closes its terminal, and hears nothing.
        "trap '' HUP; exec 0<&- 1>&- 2>&-; sleep 60",
        "trap '' HUP TERM INT; while :; do sleep 1; done",
    ],
)
def test_no_program_takes_longer_than_it_may(tmp_path, code):
    program = tmp_path / "program"
    program.write_text(f"#!/bin/bash\n{code}\n")
    program.chmod(0o755)
    began = time.monotonic()
    ended, said = answering([str(program)], (b"Enter Password:",), PASSWORD, 1)
    assert (ended, len(said) < 1 << 20) == (None, True)
    # No verdict on speed: without its limit it would take a minute, or never end.
    assert time.monotonic() - began < 30


def test_a_question_that_never_comes_gets_no_answer(tmp_path):
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nprintf 'Name: '; read -t 1 name; echo \"got $name\"\n")
    program.chmod(0o755)
    _, said = answering([str(program)], (b"Enter Password:",), PASSWORD, 20)
    assert PASSWORD not in said


def test_a_program_that_is_not_there_fails(tmp_path):
    assert answering([str(tmp_path / "none")], (), "", 5)[0] != 0
    with pytest.raises(Failed):
        VikunjaAccount(dataclasses.replace(SPEC, podman="/bin/false")).exists()


def test_the_bundle_runs_without_this_package(tmp_path):
    (tmp_path / "b.pyz").write_bytes(bundle(dataclasses.replace(SPEC, podman="/bin/false")))
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", tmp_path / "b.pyz"], capture_output=True, text=True,
        check=False, cwd="/", input="secret-word\n",
    )
    assert done.returncode == 1
    assert "asking the database for the account failed" in done.stderr
    assert str(ROOT) not in done.stderr and "secret-word" not in done.stderr


# --- where the password comes from ----------------------------------------------------------------

class Terminal(io.StringIO):
    """A standard input that is one."""

    def isatty(self):
        """Say so."""
        return True


@pytest.fixture
def confirmed(monkeypatch):
    """pyinfra asks nothing."""
    monkeypatch.setattr(sys, "argv", ["pyinfra", "-y", "inventory.py"])


def test_without_a_terminal_it_is_the_first_line(monkeypatch, confirmed):
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PASSWORD}\nmore\n"))
    assert asked_password.ask("anna") == PASSWORD


def test_pyinfras_question_does_not_get_a_password_for_its_answer(monkeypatch):
    # It would print what it got.
    monkeypatch.setattr(sys, "argv", ["pyinfra", "inventory.py"])
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PASSWORD}\n{PASSWORD}\n"))
    with pytest.raises(HostFailed, match="add -y"):
        asked_password.ask("anna")
    assert sys.stdin.readline() == f"{PASSWORD}\n"


@pytest.mark.parametrize("content", [b"p\xe4ssword123\n", b"\xff\xfe\n"])
def test_what_is_no_utf_8_is_told_without_a_byte_of_it(monkeypatch, confirmed, content):
    monkeypatch.setattr(sys, "stdin", piped(content, "utf-8"))
    with pytest.raises(HostFailed) as refused:
        asked_password.ask("anna")
    assert "or one that is no UTF-8" in str(refused.value) and "udc" not in str(refused.value)


def test_a_terminal_that_is_closed_gives_no_password(monkeypatch, confirmed):
    def closed(question):
        raise EOFError

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(asked_password.getpass, "getpass", closed)
    with pytest.raises(HostFailed, match="no password of anna was given"):
        asked_password.ask("anna")


def test_on_a_terminal_it_is_asked_for_twice(monkeypatch):
    answers = [PASSWORD, PASSWORD, PASSWORD, PASSWORD + "x"]
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(asked_password.getpass, "getpass", lambda question: answers.pop(0))
    assert asked_password.ask("anna") == PASSWORD
    with pytest.raises(HostFailed, match=r"the two passwords differ\. Nothing was changed"):
        asked_password.ask("anna")


@pytest.mark.parametrize(
    ("password", "wrong"),
    [("", "at least 8"), ("seven77", "at least 8"), ("x" * 73, "at most 72 bytes"),
     ("é" * 37, "at most 72 bytes"), (" leading8", "no blanks"), ("trailing8 ", "no blanks"),
     ("a\tb\tc\td\te", "cannot be seen"), ("non\u00a0breaking", "cannot be seen")],
)
def test_what_vikunja_would_change_or_refuse_is_refused_first(
    monkeypatch, confirmed, password, wrong
):
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{password}\n"))
    with pytest.raises(HostFailed, match=wrong) as refused:
        asked_password.ask("anna")
    assert not password or password not in str(refused.value)


@pytest.mark.parametrize("password", ["eight888", "x" * 72, "é" * 36, "with blanks in it"])
def test_the_edges_are_allowed(password):
    assert asked_password.problem(password) == ""


@given(st.text(min_size=8, max_size=72))
def test_what_is_allowed_reaches_the_program_as_it_is(password):
    if not asked_password.problem(password):
        # As a terminal's line, and as Vikunja trims it.
        assert password.strip() == password and "\n" not in password and "\x04" not in password
