"""What is up, what waits, what is wrong: the last lines of every run."""

from collections.abc import Callable, Mapping

from pyinfra import host, state
from pyinfra.api.exceptions import OperationError
from pyinfra.api.host import Host

from xnai.diagnostics.table import aligned
from xnai.facts.podman import Container
from xnai.facts.podman_call import PodmanUnknown
from xnai.operations import verify
from xnai.run.context import current
from xnai.run.pending import deferred
from xnai.run.pyinfra import RUN_BY_PYINFRA, HostFailed, this_host_alone
from xnai.run.store import read_running, read_store
from xnai.settings.model import Settings
from xnai.stack.catalogue import services
from xnai.stack.status import all_healthy, rows, unpublished, unread_cgroups


def apply() -> None:
    """Print the table and what waits: now if nothing is to be done, else as the last operation."""
    settings = current()
    wanted = services(settings)

    def show(error: type[Exception]) -> None:
        # Only what an earlier step of this run read can be reused, and only if nothing changes.
        read = read_running if error is OperationError else _prepared
        containers = read(host, settings)
        for line in [
            *aligned(rows(wanted, containers)), *unpublished(wanted, containers),
            *unread_cgroups(wanted, containers),
        ]:
            host.log(line)
        if not all_healthy(wanted, containers):
            raise error("not every service is healthy: see the table above")
        _tell_waiting(settings, error)

    _at_the_end("verify: what is up", show)


def waiting() -> None:
    """Print what waits, after a step that was run alone."""
    settings = current()
    _at_the_end("verify: what waits", lambda error: _tell_waiting(settings, error))


def _prepared(of: Host, settings: Settings) -> Mapping[str, Container] | PodmanUnknown:
    return read_store(of, settings).containers


def _tell_waiting(settings: Settings, error: type[Exception]) -> None:
    notes = deferred(host)
    for note in notes:
        host.log(f"waiting: {note.component}: {note.reason}")
    if notes and settings.strict:
        raise error(f"{len(notes)} deferred change(s), and strict = True")


def _at_the_end(name: str, show: Callable[[type[Exception]], None]) -> None:
    """Call `show` with the exception to raise: at once, or as the run's last operation."""
    if state.ops[host]:
        verify.report(name=name, show=lambda: show(OperationError))
    else:
        show(HostFailed)


if __name__ == RUN_BY_PYINFRA:
    with this_host_alone():
        apply()
