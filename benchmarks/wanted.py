"""What the deploy wants of a lab machine, for those that check or make it without the deploy."""

from __future__ import annotations

import os

from xnai.facts.hardware import Hardware
from xnai.facts.podman_call import XNAI_PODMAN
from xnai.lab import deploying
from xnai.lab.machine import Machine
from xnai.machine import files as machine_files
from xnai.memory import files as memory_files
from xnai.run.inspect import Where, loaded
from xnai.settings import layers
from xnai.settings.model import Settings
from xnai.stack.boot_unit import unit_text
from xnai.stack.catalogue import SCHEMA, build_inputs, derive
from xnai.stack.paths import stack_directory, unit_file
from xnai.stack.plan import plan

UID = 2000


def settings_of(one: Machine) -> Settings:
    """Return the settings that the deploy uses for `one`."""
    os.environ["XNAI_HOSTS"] = str(one.hosts_file)
    with loaded(Where(group_data=(deploying.GROUP_DATA,))) as (inventory, _):
        checked, problems = SCHEMA.check(layers.layers(next(iter(inventory))))
    assert not problems, problems  # noqa: S101
    fact = Hardware()
    found = fact.process(one.run(fact.command()).stdout.splitlines())
    assert found is not None  # noqa: S101
    return derive(checked, found.ram_kib, found.time_zone)


def files_of(settings: Settings) -> dict[str, tuple[str, int]]:
    """Return every file that the deploy writes: absolute path -> (text, mode)."""
    home = f"/home/{settings.stack_user}"
    script = machine_files.wrapper_text(settings, UID, home)
    in_system = machine_files.system_texts(settings)
    compose = plan(settings, build_inputs(settings)).files.values()
    texts = {
        **memory_files.rendered(settings, settings.zram_compression_algorithm),
        **machine_files.authorities(settings),
        **{path.format(uid=UID): text for path, text in in_system.items()},
        **{f"{home}/{path}": text for path, text in machine_files.home_texts(settings).items()},
        **{f"{stack_directory(settings)}/{file.name}": file.text for file in compose},
        unit_file(settings): unit_text(settings),
    }
    files = {path: (text, 0o644) for path, text in texts.items()}
    files[XNAI_PODMAN] = (script, 0o755)
    return files
