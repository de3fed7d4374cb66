"""The `xnai` command: it looks at hosts, and at what is in their library."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import click

COMMANDS: Mapping[str, tuple[str, str]] = {
    "ask": ("xnai.library.command", "Ask the library, and print the answer with its sources."),
    "audit": (
        "xnai.audit.command",
        "Judge the Makefiles, Dockerfiles and compose files below PATH, and run none of them.",
    ),
    "baseline": (
        "xnai.baseline.command",
        "Measure what the stack does with a host's memory, and write it down.",
    ),
    "fit": (
        "xnai.cli.fit",
        "Say what memory a model needs, and whether each host holds it beside the other services.",
    ),
    "ingest": (
        "xnai.library.command",
        "Bring files, directories and web pages into the library of each host.",
    ),
    "lab": (
        "xnai.lab.cli",
        "Throw-away Debian machines to try this project on and to test it with.",
    ),
    "library": (
        "xnai.library.command", "List, show and remove the documents of the library.",
    ),
    "lock": (
        "xnai.cli.lock",
        "Lock the packages of a service of your own tree, with hashes.",
    ),
    "render": (
        "xnai.cli.render",
        "Write each host's compose files and its images' Dockerfiles with all that they copy.",
    ),
    "report": (
        "xnai.reports.command",
        "Render reports from what was measured, into the repository of your stack.",
    ),
    "settings": (
        "xnai.cli.settings",
        "Print every effective setting, where it was set, and what was derived from the RAM.",
    ),
    "sources": (
        "xnai.cli.sources",
        "Print a group_data file to start from, read out of a checkout's compose file and "
        "Dockerfiles.",
    ),
    "status": (
        "xnai.cli.status",
        "Print one table a host: services, health, memory, where they answer; kills; what waits.",
    ),
    "triage": (
        "xnai.triage.command",
        "Say what is wrong, why, and what to do: on all hosts, or on those that are named.",
    ),
}
"""Name -> the module that has the command of that name, and what the list of commands says of it.

A module is imported when its command is called: together they take a second.
"""


class Commands(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of that name, if there is one."""
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(module), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="xnai")
def main() -> None:
    """Look at the hosts that `pyinfra inventory.py deploy.py` provisions, and fill their library.

    Exit code 0: good; 1: findings; 2: could not tell.
    """
