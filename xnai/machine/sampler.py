"""The memory sampler as a machine has it, and how that differs from the settings."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from xnai.diagnostics.difference import Difference
from xnai.facts.containers import ContainersFacts
from xnai.facts.sampler import PROGRAM, UNIT_FILE
from xnai.facts.sections import file_difference
from xnai.programs.sampler.bundle import bundle
from xnai.settings.model import Settings
from xnai.templating.render import render


@dataclass(frozen=True)
class SamplerDifferences:
    """What of the sampler is not as the settings want it.

    Attributes:
        set_up: why it must be set up, each in words; empty where it is as it should be.
        remove: whether it is there and is not wanted.
        program: its file's content; empty where it is not wanted.
        unit: its unit's text; empty where it is not wanted.
    """

    set_up: tuple[str, ...] = ()
    remove: bool = False
    program: bytes = b""
    unit: str = ""

    def listed(self) -> list[Difference]:
        """Return all of them."""
        words = ["memory sampler (memory_sampler = False)"] if self.remove else self.set_up
        return [Difference("sampler", one) for one in words]


def differences(settings: Settings, facts: ContainersFacts) -> SamplerDifferences:
    """Return how a host differs.

    Args:
        settings: the host's.
        facts: what there is.
    """
    if not settings.memory_sampler:
        return SamplerDifferences(remove=not {UNIT_FILE, PROGRAM}.isdisjoint(facts.files))
    program = bundle(settings)
    unit = unit_text(program)
    found = [
        f"{path} ({words})" for path, content in ((PROGRAM, program), (UNIT_FILE, unit))
        if (words := file_difference(facts.files.get(path), content))
    ]
    if not found and (why := _why_start(facts, version_of(program))):
        found = [f"memory sampler ({why})"]
    return SamplerDifferences(tuple(found), False, program, unit)


def _why_start(facts: ContainersFacts, version: str) -> str:
    """Why what is in place must be started anew, or nothing."""
    unit = facts.sampler
    if unit is None or not unit.enabled:
        return "not enabled"
    if not unit.active:
        return "not running"
    # A run that was killed between the files and the start.
    return "" if unit.version == version else "an older one runs"


def version_of(program: bytes) -> str:
    """Return what tells one program, with its settings and its unit, from another."""
    whole = program + render("memory/xnai-sampler.service.j2", program=PROGRAM, version="").encode()
    return hashlib.sha256(whole).hexdigest()[:12]


def unit_text(program: bytes) -> str:
    """Return the unit's text for a program."""
    return render(
        "memory/xnai-sampler.service.j2", program=PROGRAM, version=version_of(program),
    )
