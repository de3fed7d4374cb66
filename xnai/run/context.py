"""The settings of the host that pyinfra works on: read, checked, derived from what it is."""

from __future__ import annotations

from typing import Any

from pyinfra.api.arguments import CONNECTOR_ARGUMENT_KEYS, pop_global_arguments
from pyinfra.api.command import StringCommand
from pyinfra.api.host import Host
from pyinfra.context import ctx_host, ctx_state

from xnai.facts.hardware import Hardware, HardwareFacts
from xnai.run.known import known
from xnai.run.model_files import of_settings
from xnai.run.pyinfra import HostFailed, ask_for_sudo
from xnai.settings import layers
from xnai.settings.model import Settings
from xnai.settings.together import derived_misfits
from xnai.stack.catalogue import SCHEMA, derive


def problems(host: Host) -> list[str]:
    """Return a sentence for each thing wrong with `host`'s settings, the groups included."""
    return _checked(host)[1]


def _checked(host: Host) -> tuple[dict[str, Any], list[str]]:
    """The checked values, and all that is wrong."""
    sources = layers.layers(host)
    checked, wrong = SCHEMA.check(sources)
    found = layers.nothing_loaded(sources) + layers.unknown_groups(host.inventory)
    return checked, found + wrong


def hardware(host: Host) -> HardwareFacts:
    """Return what settings are derived from, read once a run; the first command of every run.

    Raises:
        HostFailed: they could not be read; with what sudo or the shell said.
    """
    cached = known(host).hardware
    if cached is None:
        # Not get_fact: it would end the run with a bare "could not load fact".
        fact = Hardware()
        arguments: Any = pop_global_arguments(ctx_state.get(), host, {})[0]
        how = {key: arguments[key] for key in CONNECTOR_ARGUMENT_KEYS if key in arguments}
        try:
            _, output = host.run_shell_command(StringCommand(fact.command()), **how)
            cached = fact.process(output.stdout_lines)
            if cached is None and ask_for_sudo(host, output.stderr_lines):
                _, output = host.run_shell_command(StringCommand(fact.command()), **how)
                cached = fact.process(output.stdout_lines)
        except EOFError:
            raise HostFailed(
                "sudo asks for a password and there is no terminal to ask on. Run this in a "
                "terminal, or let this login use sudo without a password."
            ) from None
        if cached is None:
            said = " ".join(output.stderr_lines or output.stdout_lines) or "nothing"
            raise HostFailed(
                f"could not run a first command as root: the host said {said!r}. Needed: a POSIX "
                "shell on Linux, and a login that is root or may use sudo (`_sudo` and `ssh_user` "
                "in hosts.py). Nothing was changed."
            )
        known(host).hardware = cached
    return cached


def current(host: Host | None = None) -> Settings:
    """Return the settings of `host`, by default the one that pyinfra works on now; once a run.

    Raises:
        HostFailed: a setting is wrong (all problems at once), or the host's RAM is unreadable.
    """
    # Not `host or`: pyinfra's stand-in for a host has no truth value.
    host = ctx_host.get() if host is None else host
    if (cached := known(host).settings) is not None:
        return cached
    checked, found = _checked(host)
    if found:
        raise HostFailed("wrong settings, nothing was changed:\n" + "\n".join(found))
    found_there = hardware(host)
    models = known(host).models
    if models is None:
        models = known(host).models = of_settings(host, checked)
    settings = derive(checked, found_there.ram_kib, found_there.time_zone, models)
    if found := derived_misfits(settings.memory):
        raise HostFailed("wrong settings, nothing was changed:\n" + "\n".join(found))
    known(host).settings = settings
    return settings
