"""What this project uses of pyinfra past its documented interface, held against the installed one.

The version is pinned (inventory.py refuses another one). Before it is raised, run this file on the
new one: `uv run --with pyinfra==X pytest tests/unit/test_pyinfra_contract.py`.
"""

from __future__ import annotations

import inspect
import re
from importlib.metadata import version
from pathlib import Path

import pytest
from pyinfra.api import arguments, command, host, inventory, state
from pyinfra.api.operation import OperationMeta, operation
from pyinfra.connectors import local, ssh, util
from pyinfra_cli import inventory as cli_inventory
from pyinfra_cli import util as cli_util

ROOT = Path(__file__).parents[2]


def test_the_version_is_the_one_that_is_pinned():
    pinned = re.search(r'^NEEDED = "(.+)"$', (ROOT / "inventory.py").read_text(), re.MULTILINE)
    assert pinned and version("pyinfra") == pinned[1]


@pytest.mark.parametrize(
    ("owner", "name", "parameters"),
    [
        (arguments, "pop_global_arguments", ["state", "host", "kwargs"]),
        (host.Host, "disconnect", ["self"]),
        (host.Host, "get_fact", ["self", "name_or_cls"]),
        (host.Host, "run_shell_command", ["self"]),
        (host.Host, "log", ["self", "message"]),
        (inventory.Inventory, "get_override_data", ["self"]),
        (inventory.Inventory, "get_host_data", ["self", "hostname"]),
        (inventory.Inventory, "get_group_data", ["self", "group"]),
        (inventory.Inventory, "get_data", ["self"]),
        (local.LocalConnector, "run_shell_command", ["self", "command"]),
        (ssh.SSHConnector, "run_shell_command", ["self", "command"]),
        (OperationMeta, "did_succeed", ["self", "_raise_if_not_complete"]),
        (OperationMeta, "did_change", ["self"]),
        (state.State, "get_op_order", ["self"]),
        (cli_inventory, "make_inventory_from_files", ["inventory_filename"]),
        (cli_util, "parse_cli_arg", ["arg"]),
    ],
    ids=lambda value: getattr(value, "__name__", None) if not isinstance(value, list) else "",
)
def test_what_is_called_takes_what_it_is_given(owner, name, parameters):
    found = list(inspect.signature(getattr(owner, name)).parameters)
    assert found[: len(parameters)] == parameters


@pytest.mark.parametrize(
    ("owner", "names"),
    [
        (arguments, ["CONNECTOR_ARGUMENT_KEYS", "all_global_arguments"]),
        (state, ["BaseStateCallback", "StateStage"]),
        (command, ["StringCommand"]),
        (local.LocalConnector, ["data_meta"]),
        (ssh.SSHConnector, ["data_meta"]),
    ],
)
def test_what_is_named_is_there(owner, names):
    assert [name for name in names if not hasattr(owner, name)] == []


def test_what_lies_on_hosts_and_states():
    """Attributes that are set in __init__, by its source: an instance needs a whole run."""
    made = {
        host.Host: ["connector_data", "current_op_global_arguments", "op_hash_order"],
        state.State: ["ops", "active_hosts", "activated_hosts", "failed_hosts", "is_executing"],
    }
    for owner, names in made.items():
        source = inspect.getsource(owner)
        assert [name for name in names if not re.search(rf"\b{name}\b", source)] == []


def test_a_prompted_password_is_kept_where_ours_is_put():
    """xnai.run.pyinfra.ask_for_sudo puts a password where pyinfra looks for its own."""
    assert '"prompted_sudo_password"' in inspect.getsource(util)
    assert "sudo: a password is required" in util.SUDO_PASSWORD_REQUIRED_LINES


def test_an_operations_function_is_reached_without_declaring_it():
    """Stack.bring_up runs another operation's commands inside one that is executed."""
    @operation()
    def some():
        yield "true"

    assert list(some._inner()) == ["true"]
