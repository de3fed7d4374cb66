"""sudo that wants a password is known in whatever language it says so."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from pyinfra.context import ctx_state

from xnai.run import context, pyinfra
from xnai.run.pyinfra import HostFailed, ask_for_sudo

GERMAN = "sudo: Ein Passwort ist notwendig"
GOOD = ["4000000", "2", "x86_64", "0", "zone /usr/share/zoneinfo/Europe/Berlin"]


class Host:
    """A host whose sudo wants a password, and has it once it was asked for."""

    print_prefix = "[desk] "

    def __init__(self, said: str, right: bool = True):
        self.connector_data: dict = {}
        self.said, self.right, self.asked = said, right, 0

    def run_shell_command(self, command, **how):
        self.asked += 1
        if self.right and "prompted_sudo_password" in self.connector_data:
            return True, SimpleNamespace(stdout_lines=GOOD, stderr_lines=[])
        return False, SimpleNamespace(stdout_lines=[], stderr_lines=[self.said])


@pytest.fixture(autouse=True)
def _answered(monkeypatch):
    monkeypatch.setattr(pyinfra, "getpass", lambda prompt: "correct horse")
    monkeypatch.setattr(context, "pop_global_arguments", lambda state, host, words: ({}, []))
    with ctx_state.use(SimpleNamespace()):
        yield


@pytest.mark.parametrize(
    "said", [GERMAN, "sudo: il est nécessaire de saisir un mot de passe", "sudo-rs: whatever"]
)
def test_it_is_asked_for_and_the_command_tried_again(said):
    host = Host(said)
    assert context.hardware(host).ram_kib == 4000000
    assert host.asked == 2


def test_a_wrong_password_is_asked_for_once():
    host = Host(GERMAN, right=False)
    with pytest.raises(HostFailed, match="Ein Passwort ist notwendig"):
        context.hardware(host)
    assert host.asked == 2


def test_what_is_no_word_of_sudos_is_told_as_it_is():
    host = Host("sh: 1: awk: not found")
    assert not ask_for_sudo(host, ["sh: 1: awk: not found"])
    with pytest.raises(HostFailed, match="awk: not found"):
        context.hardware(host)
    assert host.asked == 1
