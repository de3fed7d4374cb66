"""How a host differs from its settings, step by step, read and compared without a step's run."""

from __future__ import annotations

from pyinfra.api.host import Host

from xnai.diagnostics.difference import Difference
from xnai.images.tree import TreeRefused
from xnai.machine.differences import differences as of_machine
from xnai.machine.packages import podman_major
from xnai.machine.sampler import differences as of_sampler
from xnai.memory.differences import differences as of_memory
from xnai.memory.zram import algorithm_for
from xnai.run.pyinfra import HostFailed
from xnai.run.reading import look, read_containers, read_memory
from xnai.run.store import read_store
from xnai.settings.model import Settings
from xnai.stack.catalogue import build_inputs
from xnai.stack.differences import listed
from xnai.stack.plan import plan


def below_the_stack(host: Host, settings: Settings) -> list[Difference]:
    """Return the differences of memory and machine, in the order of a deploy.

    Raises:
        HostFailed: they cannot be read.
    """
    machine = look(host, settings)
    containers = read_containers(host, settings)
    algorithm = algorithm_for(settings, machine.zram_algorithms)
    return [
        *of_memory(settings, read_memory(host, settings), algorithm).listed(),
        *of_machine(settings, containers, podman_major(machine)).listed(),
        *of_sampler(settings, containers).listed(),
    ]


def of_stack(host: Host, settings: Settings) -> list[Difference]:
    """Return the differences of images, secrets and containers, in the order of a deploy.

    Raises:
        HostFailed: they cannot be read, or the user's own trees cannot be built.
    """
    try:
        inputs = build_inputs(settings)
    except TreeRefused as refused:
        raise HostFailed(str(refused)) from None
    return listed(settings, plan(settings, inputs), inputs, read_store(host, settings))
