"""The list of commands says what each command says of itself, and costs no imports."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest
from click.testing import CliRunner

from xnai.cli.command import COMMANDS, main


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_where_the_table_says_and_what_it_says(name):
    module, about = COMMANDS[name]
    command = getattr(import_module(module), name)
    assert " ".join(command.help.split("\n\n")[0].split()) == about
    assert CliRunner().invoke(main, [name, "--help"]).exit_code == 0


def test_help_imports_neither_pyinfra_nor_a_command():
    code = (
        "import sys; sys.argv = ['xnai', '--help']\n"
        "from xnai.cli import main\n"
        "try:\n    main()\n"
        "finally:\n    print(sorted(m for m in sys.modules if m.startswith(('pyinfra', 'xnai'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "['xnai', 'xnai.cli', 'xnai.cli.command']"


def test_an_unknown_command():
    done = CliRunner().invoke(main, ["stats"])
    assert done.exit_code == 2 and "No such command 'stats'" in done.output
