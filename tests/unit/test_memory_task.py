"""The memory step on a host that is as the settings want it, but for what a test changes."""

from __future__ import annotations

import hashlib
from types import SimpleNamespace

import pytest
from unit_settings import make

from tasks import memory
from xnai.facts.machine.model import ConfigFile, PreflightFacts, Reading
from xnai.facts.memory import MemoryFacts, Zram
from xnai.facts.sections import FileState
from xnai.memory import files as memory_files

RIVAL = "/etc/sysctl.d/99-tuning.conf"


@pytest.fixture
def declared(monkeypatch):
    """Let the step run with given settings and other files; return the shell commands."""

    def run(settings, *files):
        texts = memory_files.rendered(settings, "zstd")
        facts = MemoryFacts(
            packages={memory_files.PACKAGE: "1.2"},
            files={
                path: FileState(hashlib.sha256(text.encode()).hexdigest(), "0644", "root", "root")
                for path, text in texts.items()
            },
            sysctls=dict(settings.sysctls),
            zram=Zram(settings.zram_size_mib, "zstd", True, 0, settings.zram_swap_priority),
            available_mib=4096, zswap_enabled=False,
        )
        seen = PreflightFacts(sysctl_files=files, zram_algorithms=Reading("ok", "lz4 zstd"))
        found = []
        server = SimpleNamespace()
        server.shell = lambda name, commands: found.extend(commands)
        root_file = SimpleNamespace()
        root_file.set_aside = lambda name, path, aside: found.append((path, aside))
        nothing = SimpleNamespace()  # any other operation is an AttributeError
        values = {
            "current": lambda: settings, "server": server, "root_file": root_file, "apt": nothing,
            "systemd": nothing, "preflight": SimpleNamespace(look=lambda of: seen),
            "host": SimpleNamespace(
                connector_data={}, get_fact=lambda fact, **arguments: facts,
            ),
        }
        for name, value in values.items():
            monkeypatch.setattr(memory, name, value)
        memory.apply()
        return found

    return run


def rival(text: str) -> ConfigFile:
    return ConfigFile(RIVAL, RIVAL, text)


def test_a_host_that_is_right_is_left_alone(declared):
    assert declared(make()) == []
    assert declared(make(memory_rivals="set_aside")) == []


def test_a_rival_is_set_aside_only_where_asked(declared):
    other = rival("vm.swappiness = 10\n")
    assert declared(make(), other) == []
    mixed = rival("vm.swappiness = 10\nkernel.sysrq = 1\n")
    assert declared(make(memory_rivals="set_aside"), mixed) == []
    assert declared(make(memory_rivals="set_aside"), other) == [
        (RIVAL, f"{RIVAL}.xnai-set-aside")
    ]
