"""The memory sampler, where the settings want it: memory_sampler = True."""

from pyinfra import host

from tasks import before, preflight, verify
from xnai.facts.sampler import PROGRAM
from xnai.machine.sampler import differences
from xnai.operations import sampler
from xnai.run.context import current
from xnai.run.pyinfra import RUN_BY_PYINFRA, summary, this_host_alone
from xnai.run.reading import read_containers


def apply() -> None:
    """Declare what differs between the settings and the host."""
    settings = current()
    found = differences(settings, read_containers(host, settings))
    if found.remove:
        sampler.remove(name="sampler: memory sampler (memory_sampler = False)", path=PROGRAM)
    elif found.set_up:
        sampler.set_up(
            name=f"sampler: {summary(found.set_up)}", program=found.program, path=PROGRAM,
            unit=found.unit,
        )


if __name__ == RUN_BY_PYINFRA:
    with this_host_alone():
        preflight.apply()
        before.apply()
        apply()
        verify.waiting()
