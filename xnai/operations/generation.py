"""The last generation of the stack that was healthy: kept beside the compose files, to go back to.

A compose file says all that its containers were made from: images by their content, and under
`x-xnai` what podman-compose has no key for.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pyinfra.api.exceptions import OperationError
from pyinfra.context import ctx_host

from xnai.facts.podman_call import XNAI_PODMAN
from xnai.operations.data import Data
from xnai.operations.guard import one_at_a_time
from xnai.operations.healthy import Read, wait_until_healthy
from xnai.run.pyinfra import run_within
from xnai.stack.paths import good_directory
from xnai.stack.plan import parsed
from xnai.stack.shared import SAVING_STOP_TIMEOUT_S

# A pull of a registry image on a slow line is part of it.
_UP_TIMEOUT_S = 900


@dataclass(frozen=True)
class Entry:
    """A service as a compose file has it.

    Attributes:
        service: its name.
        container: its container's name.
        project: the compose project.
        file: the file's name.
        run_arguments: what `podman run` is told besides.
        ready_url: what its container answers on its host once it serves, or empty.
    """

    service: str
    container: str
    project: str
    file: str
    run_arguments: tuple[str, ...]
    ready_url: str = ""


def entries(file: str, text: str) -> list[Entry]:
    """Return the services of a compose file of ours, in its order, without tools run by hand."""
    content = parsed(text)
    return [
        Entry(
            name, service["container_name"], content["name"], file,
            tuple(service["x-xnai"]["run_arguments"]),
            # Files of earlier versions have none.
            service["x-xnai"].get("ready_url", ""),
        )
        for name, service in content["services"].items() if "container_name" in service
    ]


def up_words(entry: Entry, directory: str) -> list[str]:
    """Return what `podman` is told to make and start one service's container, and nothing else.

    The one command of podman-compose that is used; of the container that it makes there must be
    none. What others do beside what they are asked for: tests/unit/test_podman_compose.py.

    Args:
        entry: the service.
        directory: of its compose file, absolute.
    """
    return [
        "compose", "-p", entry.project, "-f", f"{directory}/{entry.file}",
        # One word: podman-compose splits it again.
        f"--podman-run-args={shlex.join(entry.run_arguments)}",
        "up", "--detach", "--no-build", "--no-deps", entry.service,
    ]


def up(entry: Entry, directory: str) -> str:
    """Return the command that makes and starts one service's container; see `up_words`."""
    words = shlex.join(up_words(entry, directory))
    return one_at_a_time(f"timeout --kill-after=10 {_UP_TIMEOUT_S} {XNAI_PODMAN} {words}")


def remove(containers: Sequence[str]) -> str:
    """Return the command that stops and removes containers; volumes stay.

    Args:
        containers: names, those that others depend on last.
    """
    quoted = " ".join(map(shlex.quote, containers))
    return one_at_a_time(
        f"{XNAI_PODMAN} rm --force --ignore --time {SAVING_STOP_TIMEOUT_S} {quoted}"
    )


# What a run left that was killed while it kept a generation is that generation.
_WHOLE = "{{ [ -e {good} ] || [ ! -e {good}.old ] || mv {good}.old {good}; }}"


def keep(directory: str, files: Sequence[str]) -> str:
    """Return the command that keeps the compose files as the last healthy generation.

    Args:
        directory: of the compose files, absolute.
        files: their names.
    """
    good = shlex.quote(good_directory(directory))
    names = " ".join(map(shlex.quote, files))
    # Two renames: one that is killed between them leaves good.old alone, which is taken first.
    # The record of data to go back to is beside the old files, and goes with them.
    return one_at_a_time(
        f"cd {shlex.quote(directory)} && {_WHOLE.format(good=good)} && "
        f"rm -rf {good}.new {good}.old && umask 022 && "
        f"mkdir {good}.new && cp {names} {good}.new/ && {{ [ ! -e {good} ] || mv {good} {good}.old;"
        f" }} && mv {good}.new {good} && rm -rf {good}.old"
    )


def put_back(directory: str, names: Iterable[str]) -> str:
    """Return the command that puts the last healthy generation's files in place.

    Args:
        directory: of the compose files, absolute.
        names: of every compose file that there can be.
    """
    good, quoted = shlex.quote(good_directory(directory)), " ".join(map(shlex.quote, names))
    return one_at_a_time(
        f"cd {shlex.quote(directory)} && {_WHOLE.format(good=good)} && "
        f"rm -f {quoted} && cp {good}/*.yml ."
    )


def run(command: str, doing: str) -> None:
    """Run a command of an operation that is being executed.

    Args:
        command: for the host's shell.
        doing: what it is for, for the error.

    Raises:
        OperationError: it failed; with the last lines that it printed.
    """
    succeeded, output = run_within(command)
    if not succeeded:
        said = [*output.stdout_lines, *output.stderr_lines][-8:]
        raise OperationError("\n    ".join([f"{doing} failed:", *said]))


def go_back(
    directory: str,
    failed: Mapping[str, str],
    containers: Sequence[str],
    read: Read,
    timeout_s: int,
    data: Data | None = None,
) -> str:
    """Put the last healthy generation's files in place and bring up what they say of containers.

    Data that were copied before an image changed are put back as well.

    Args:
        directory: of the compose files, absolute.
        failed: name -> text of every compose file that there can be, empty for one that the
            failed generation does not have.
        containers: those that the failed generation replaced, in dependency order.
        read: reads the stack's containers anew.
        timeout_s: how long each may take until it is healthy, in seconds.
        data: what was copied, or None where no stateful image changed.

    Returns:
        What came of it, in words for the error of the run.
    """
    good = good_directory(directory)
    texts: dict[str, str] = {}
    for file in failed:
        succeeded, output = run_within(f"cat {shlex.quote(f'{good}/{file}')}")
        if succeeded:
            texts[file] = "\n".join([*output.stdout_lines, ""])
    before = [entry for file, text in texts.items() for entry in entries(file, text)]
    since = data.since() if data else []
    if not since and texts == {file: text for file, text in failed.items() if text}:
        return "this generation was healthy before, there is no other one to go back to"
    if not before:
        return (
            "there is no earlier healthy generation to go back to; what was started is left as "
            "it is, to be looked at"
        )
    # What a killed run has replaced goes back too.
    containers = since or containers
    again = [entry for entry in before if entry.container in containers]
    ctx_host.get().log(f"rolling back to the previous generation: {_names(again)}")
    kept: list[str] = []
    try:
        run(remove(list(reversed(containers))), "removing the new containers")
        run(put_back(directory, failed), "restoring the compose files of the previous generation")
        if data and since:
            kept = data.back()
        for entry in again:
            run(up(entry, directory), f"starting {entry.container}")
            wait_until_healthy(read, entry.container, entry.ready_url, timeout_s)
    except OperationError as error:
        where = "" if not (data and since) else (
            f"\n  The data from before: {data.copies}. With the cause removed, the next run goes "
            "on with putting them back."
        )
        return f"rolling back to the previous generation failed as well: {error}{where}"
    said = f"rolled back to the previous generation: {_names(again)} healthy again"
    return "\n  ".join([said, *kept])


def _names(found: Sequence[Entry]) -> str:
    return ", ".join(entry.container for entry in found) or "it had none of these containers"
