"""What one run knows of one host: read once, or found out on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from pyinfra.api.host import Host

from xnai.facts.containers import ContainersFacts
from xnai.facts.hardware import HardwareFacts
from xnai.facts.machine.model import PreflightFacts
from xnai.facts.memory import MemoryFacts
from xnai.facts.podman import StoreFacts
from xnai.images.content import BuildInput
from xnai.models.found import ModelFile
from xnai.settings.model import Settings
from xnai.stack.plan import StackPlan

_KEY = "xnai"


@dataclass
class Known:
    """What one run knows of one host.

    Attributes:
        settings: checked and derived.
        hardware: what its settings are derived from.
        machine: what preflight read.
        memory: swap and reclaim, as a run is prepared.
        containers: the stack's user and its Podman, as a run is prepared.
        models: service -> what was found of the model's file that it maps.
        read_inputs: of every image, as they were read while the host was asked; nobody has judged
            the trees yet.
        build_inputs: of every image. Read again, a file saved meanwhile would give the stack an
            image that nobody builds.
        plan: of the stack that is wanted.
        store: what its Podman holds; None once it may have changed.
        user_manager_restarts: whether this run restarts the stack user's manager, and with it
            every container.
        waiting: component -> why a change of it waits, and for what.
        failure: why the host failed, or empty.
    """

    settings: Settings | None = None
    hardware: HardwareFacts | None = None
    machine: PreflightFacts | None = None
    memory: MemoryFacts | None = None
    containers: ContainersFacts | None = None
    models: dict[str, ModelFile] | None = None
    read_inputs: list[BuildInput] | None = None
    build_inputs: list[BuildInput] | None = None
    plan: StackPlan | None = None
    store: StoreFacts | None = None
    user_manager_restarts: bool = False
    waiting: dict[str, str] = field(default_factory=dict)
    failure: str = ""


def known(host: Host) -> Known:
    """Return what this run knows of `host`; the same object each time.

    It is kept with the connection, which lives as long as what it describes.
    """
    return cast(Known, host.connector_data.setdefault(_KEY, Known()))
