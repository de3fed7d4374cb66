"""Every command on a host has a limit, whoever made it."""

from __future__ import annotations

import ast
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from pyinfra.api.command import MaskString, StringCommand
from pyinfra.connectors.local import LocalConnector
from unit_settings import ROOT

from xnai.remote.limit import (
    BUILD_LIMIT_S,
    KILL_AFTER_S,
    LIMIT_S,
    Limited,
    bounded,
    connection_limit_s,
    limit,
)
from xnai.run.pyinfra import LiveCommand


def a_host():
    """A host whose connector remembers what it is given."""
    given = []
    connector = SimpleNamespace(
        run_shell_command=lambda command, *shown, **how: given.append((command, shown, how))
    )
    return SimpleNamespace(connector=connector), given


def test_a_command_of_pyinfras_own_gets_the_usual_limit():
    host, given = a_host()
    limit(host)
    host.connector.run_shell_command(StringCommand("systemctl", "stop", "a b"), True, _sudo=True)
    ((command, shown, how),) = given
    assert str(command) == (
        f"timeout --kill-after={KILL_AFTER_S} {LIMIT_S} sh -c 'systemctl stop a b'"
    )
    assert (shown, how) == ((True, False), {"_sudo": True, "_timeout": LIMIT_S + KILL_AFTER_S + 60})


def test_a_facts_command_is_a_plain_text():
    host, given = a_host()
    limit(host)
    host.connector.run_shell_command("id -u")
    assert str(given[0][0]).endswith(f" {LIMIT_S} sh -c 'id -u'")


def test_a_longer_one_is_kept_and_the_connection_waits_longer_still():
    command = LiveCommand("make", limit_s=BUILD_LIMIT_S, kill_after_s=5)
    assert str(bounded(command)).startswith(f"timeout --kill-after=5 {BUILD_LIMIT_S} sh -c ")
    assert connection_limit_s(command) == BUILD_LIMIT_S + 5 + 60


def test_on_this_machine_a_ctrl_c_of_the_terminal_reaches_it():
    assert "--foreground" in str(bounded(Limited("true"), foreground=True)).split()
    host, given = a_host()
    # pyinfra's own class, whose commands are children of the controller.
    host.connector = object.__new__(LocalConnector)
    host.connector.run_shell_command = lambda command, *shown, **how: given.append(command)
    limit(host)
    host.connector.run_shell_command(StringCommand("true"))
    assert str(given[0]).startswith("timeout --foreground ")


def test_it_is_put_around_once():
    host, given = a_host()
    limit(host)
    limit(host)
    host.connector.run_shell_command(StringCommand("true"))
    assert str(given[0][0]).count("timeout ") == 1


def test_what_a_command_sends_and_hides_stays():
    command = Limited("echo", MaskString("word"), _stdin=["x"])
    assert bounded(command).connector_arguments == {"_stdin": ["x"]}
    assert "word" not in str(bounded(command)) and "word" in bounded(command).get_raw_value()


@pytest.mark.parametrize("shell", ["sh", "dash", "bash"])
@pytest.mark.parametrize(
    ("command", "code"), [("exit 3", 3), ("echo \"it's\"; false", 1), ("sleep 30; :", 124)]
)
def test_the_exit_code_is_the_commands_own_until_it_is_ended(shell, command, code):
    words = str(bounded(Limited(command, limit_s=1, kill_after_s=1)))
    assert subprocess.run([shell, "-c", words], check=False).returncode == code


def test_its_children_end_with_it(tmp_path):
    command = Limited(f"sleep 30 & echo $! > {tmp_path}/pid; wait", limit_s=1)
    subprocess.run(["sh", "-c", str(bounded(command))], check=False)
    pid = (tmp_path / "pid").read_text().strip()
    for _ in range(100):
        if not Path(f"/proc/{pid}/cmdline").exists() or not Path(
            f"/proc/{pid}/cmdline"
        ).read_bytes():
            return
        time.sleep(0.05)
    pytest.fail("it lives on")


def test_nothing_goes_to_a_host_but_by_the_connector():
    """No module uses pyinfra's uploads, which pass through a world-readable file in /tmp."""
    found = []
    for folder in ("tasks", "xnai"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "lab" in path.relative_to(ROOT).parts:
                continue
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.ImportFrom | ast.Import):
                    names = {alias.name for alias in node.names}
                    if names & {"FileUploadCommand", "FileDownloadCommand"}:
                        found.append(path.name)
                if (
                    isinstance(node, ast.Attribute) and node.attr in {"put", "template", "sync"}
                    and isinstance(node.value, ast.Name) and node.value.id == "files"
                ):
                    found.append(path.name)
    assert found == []
