"""Bringing the stack's containers up, back to what was healthy where they are not."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from pyinfra.api.exceptions import OperationError
from pyinfra.api.host import Host
from pyinfra.api.operation import operation
from pyinfra.context import ctx_state

from xnai.facts.podman_call import XNAI_PODMAN
from xnai.operations import generation
from xnai.operations.data import Data
from xnai.operations.guard import failing_operation, one_at_a_time
from xnai.operations.healthy import Read, wait_until_healthy
from xnai.operations.program import Commands
from xnai.run.pyinfra import run_within
from xnai.run.store import read_running
from xnai.settings.model import Settings
from xnai.stack.model import Service
from xnai.stack.paths import good_directory, stack_directory
from xnai.stack.plan import StackPlan, together


@dataclass(frozen=True)
class Stack:
    """The stack whose containers are recreated.

    Attributes:
        plan: as it should be; its compose files are on the host by now.
        directory: of the compose files, absolute.
        read: reads its containers anew.
        timeout_s: how long each service may take until it is healthy, in seconds.
        absent_files: names of the compose files of parts that are switched off.
        judge: says what is wrong, in lines for the error of a service that does not get healthy.
    """

    plan: StackPlan
    directory: str
    read: Read
    timeout_s: int
    absent_files: Sequence[str]
    judge: Callable[[], str] = lambda: ""

    def bring_up(self, services: Sequence[Service]) -> Generator[str, None, None]:
        """Recreate containers inside another operation, as the stack's own step does."""
        found: Generator[str, None, None] = bring_up._inner(of=self, recreate=services)
        return found


@failing_operation
def bring_up(
    of: Stack, recreate: Sequence[Service], previous: Mapping[str, str] = MappingProxyType({}),
    data: Data | None = None, there: Collection[str] = (),
) -> Commands:
    """Recreate containers, each after those that it depends on are healthy, others together.

    podman-compose itself would wait for ever on a dependency that never gets healthy, and its
    own comparison of configurations is not relied on: what must be recreated was decided from
    the host's state. Named volumes are never removed.

    Args:
        of: the stack.
        recreate: the services in dependency order; their containers exist or not.
        previous: name -> ID of an image that a container leaves: it gets that name, to go back to.
        data: whose data are copied first, or that an earlier run has copied; None where no
            stateful image changes.
        there: networks and volumes that are known to be there.

    Raises:
        OperationError: there is no copy of the data, and nothing was removed; or a service is not
            healthy in time or restarts again and again; with its state and last log lines. The
            last healthy generation is then up again, with its data, where there was one.
    """
    for name, id_ in previous.items():
        yield one_at_a_time(f"{XNAI_PODMAN} tag {id_} {shlex.quote(name)}")
    plan, directory = of.plan, of.directory
    if shared := _shared(plan, there):
        yield one_at_a_time(" && ".join(shared))
    files = [file.name for file in plan.files.values()]
    names = [service.container_name for service in recreate]
    if data:
        yield from data.program.send(data.spec.backup.directory)
    failed = dict.fromkeys(of.absent_files, "")
    failed |= {file.name: file.text for file in plan.files.values()}
    if not ctx_state.get().is_executing:
        if data:
            yield data.program.command("keep")
        yield generation.remove(names[::-1])
        for entry in _entries(plan, names):
            yield generation.up(entry, directory)
    else:
        # Not yielded: a command that fails would end the operation, and nothing would go back.
        if data:
            _copy(data, directory, failed)
        try:
            _replace(of, recreate)
        except OperationError as error:
            # Before anything goes back: it is the failed generation that is judged.
            judged = of.judge()
            came_of_it = generation.go_back(
                directory, failed, names, of.read, of.timeout_s, data
            )
            if data:
                run_within(data.program.remove())
            raise OperationError(f"{error}{judged}\n  {came_of_it}") from error
    yield generation.keep(directory, files)
    if data:
        yield data.program.remove()


def _replace(of: Stack, recreate: Sequence[Service]) -> None:
    """Remove containers and make them anew, group by group, each healthy before the next."""
    names = [service.container_name for service in recreate]
    generation.run(generation.remove(names[::-1]), "removing the containers")
    for group in together(recreate):
        entries = _entries(of.plan, [service.container_name for service in group])
        for entry in entries:
            generation.run(generation.up(entry, of.directory), f"starting {entry.container}")
        for entry in entries:
            wait_until_healthy(of.read, entry.container, entry.ready_url, of.timeout_s)


def _copy(data: Data, directory: str, files: Iterable[str]) -> None:
    """Copy data before anything is removed; where that fails the files are put back as well."""
    try:
        data.keep()
    except OperationError as error:
        run_within(data.program.remove())
        good = shlex.quote(good_directory(directory))
        there, _ = run_within(f"test -d {good}")
        if there and not run_within(generation.put_back(directory, files))[0]:
            raise OperationError(
                f"{error}\n  The compose files in {directory} are the new ones."
            ) from error
        raise


def _entries(plan: StackPlan, containers: Sequence[str]) -> list[generation.Entry]:
    found = {
        entry.container: entry
        for file in plan.files.values() for entry in generation.entries(file.name, file.text)
    }
    return [found[name] for name in containers]


@operation()
def keep(plan: StackPlan, directory: str) -> Generator[str, None, None]:
    """Keep the compose files as those of the last healthy generation.

    Args:
        plan: theirs; what is run by hand may have a volume that no container made necessary.
        directory: of the compose files, absolute.
    """
    yield one_at_a_time(" && ".join(_shared(plan)))
    yield generation.keep(directory, [file.name for file in plan.files.values()])


def _shared(plan: StackPlan, there: Collection[str] = ()) -> list[str]:
    """Commands that make the networks and volumes that are not there, as the files expect them.

    Those that are known to be there are not asked about: each question is a process.

    Podman 5.4 gives an empty volume at a path that the image lacks to root again when its
    container is restarted, unless the volume was made with its owner.
    """
    label = f"--label=io.xnai.stack={plan.stack_name}"
    made = []
    for name, owner in plan.volumes.items():
        if name in there:
            continue
        uid, _, gid = owner.partition(":")
        words = ["volume", "create", "--ignore", label, f"--opt=o=uid={uid},gid={gid}", name]
        made.append(words)
    return [
        *network_commands(
            plan.stack_name, {k: v for k, v in plan.networks.items() if k not in there}
        ),
        *(f"{XNAI_PODMAN} {shlex.join(words)} >/dev/null" for words in made),
    ]


def network_commands(stack_name: str, networks: Mapping[str, bool]) -> list[str]:
    """Return the commands that make the networks that are not there.

    Args:
        stack_name: whose, for the label.
        networks: name -> whether it is without a way out.
    """
    label = f"--label=io.xnai.stack={stack_name}"
    return [
        f"{XNAI_PODMAN} network create --ignore {label} "
        f"{'--internal ' if is_internal else ''}{shlex.quote(name)} >/dev/null"
        for name, is_internal in networks.items()
    ]


@operation()
def remove(names: Sequence[str]) -> Generator[str, None, None]:
    """Stop and remove containers; their volumes stay, and own images keep the name `previous`.

    Args:
        names: of containers of the stack; at least one.
    """
    for name in names:
        found = f"{XNAI_PODMAN} container inspect --format '{{{{.ImageName}}}} {{{{.Image}}}}'"
        yield one_at_a_time(
            f"i=$({found} {shlex.quote(name)}) || exit 0; case $i in localhost/*) "
            f"{XNAI_PODMAN} tag \"${{i##* }}\" {shlex.quote(f'localhost/{name}:previous')} ;; esac"
        )
    yield generation.remove(names)


def stack_of(host: Host, settings: Settings, wanted: StackPlan) -> Stack:
    """Return what operations are told of the stack whose containers they recreate."""
    return Stack(
        plan=wanted,
        directory=stack_directory(settings),
        read=lambda name, ready_url: read_running(host, settings, name, ready_url),
        timeout_s=settings.stack_healthy_timeout_s,
        absent_files=wanted.absent_files,
        judge=_judgement,
    )


def _judgement() -> str:
    """What triage says; loaded here, since a run that ends well need not ask it."""
    from xnai.operations.judgement import judgement

    return judgement()
