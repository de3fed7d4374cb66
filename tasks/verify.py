"""What is up, what waits, what is wrong: the last lines of every run."""

from pyinfra import host, state
from pyinfra.api.exceptions import OperationError

from xnai.catalogue import services
from xnai.deferred import deferred
from xnai.operations import verify
from xnai.pyinfra_ext import RUN_BY_PYINFRA, HostFailed, this_host_alone
from xnai.settings import current
from xnai.stack_reading import read_running, read_store
from xnai.status import all_healthy, lines, rows


def apply() -> None:
    """Print the table now if nothing is to be done on this host, else after it was done."""
    settings = current()
    wanted = services(settings)

    def show(containers, error: type[Exception]) -> None:
        waiting = deferred(host)
        for line in lines(rows(wanted, containers), waiting):
            host.log(line)
        if not all_healthy(wanted, containers):
            raise error("not every service is healthy: see the table above")
        if waiting and settings.strict:
            raise error(f"{len(waiting)} deferred change(s), and strict = True")

    if state.ops[host]:
        verify.report(
            name="verify: what is up",
            show=lambda: show(read_running(host, settings), OperationError),
        )
    else:
        show(read_store(host, settings).containers, HostFailed)


if __name__ == RUN_BY_PYINFRA:
    with this_host_alone():
        apply()
