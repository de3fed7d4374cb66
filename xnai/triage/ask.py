"""Asking a host: two remote commands, one for its size and one for everything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyinfra.api.host import Host
from pyinfra.context import ctx_state

from xnai.diagnostics.signature import Signature, load
from xnai.run.context import current
from xnai.run.pyinfra import HostFailed, connector_arguments
from xnai.settings.model import Settings
from xnai.stack.paths import good_directory, stack_directory
from xnai.triage.bundle import command, make_spec
from xnai.triage.collect.program import unframed
from xnai.triage.diagnosis import Judgement
from xnai.triage.judge import judge
from xnai.triage.observation import Seen
from xnai.triage.observe.all import seen
from xnai.triage.observe.scope import Scope, other_stacks, scopes


@dataclass(frozen=True)
class Looked:
    """What was looked at, with the judgement.

    Attributes:
        scope: which containers.
        seen: all observations.
        judgement: what follows from them.
    """

    scope: Scope
    seen: Seen
    judgement: Judgement


@dataclass(frozen=True)
class HostTriage:
    """What triage found on a host.

    Attributes:
        looked: each stack or project; none where there is nothing.
        others: names of other stacks of ours there.
        settings: of the host.
        seconds: what took how long on the host, by part.
        names: what a shared report must not tell: host name, users.
        good_files: name -> text of the last healthy generation's compose files.
    """

    looked: tuple[Looked, ...]
    others: tuple[str, ...]
    settings: Settings
    seconds: dict[str, float]
    names: tuple[str, ...]
    good_files: dict[str, str]


def collected(host: Host, settings: Settings) -> dict[str, Any]:
    """Return what the collector found on a host.

    Args:
        host: connected.
        settings: its settings.

    Raises:
        HostFailed: it did not run to its end.
    """
    asked = command(make_spec(settings))
    how = connector_arguments(host, ctx_state.get()) | asked.connector_arguments
    _, output = host.run_shell_command(asked, **how)
    found = unframed(output.stdout_lines)
    if found is None:
        said = " ".join(output.stderr_lines[-5:]) or "nothing"
        raise HostFailed(
            f"the collector did not come to its end; the host said {said!r}. Needed: python3 (3.11 "
            "or newer) on the host"
        )
    return found


def triage(
    host: Host, project: str = "", signatures: Sequence[Signature] | None = None
) -> HostTriage:
    """Look at a host and judge what was seen.

    Args:
        host: connected.
        project: a compose project's name, or `user/name`; by default our stack where it was
            deployed, else all projects.
        signatures: what is known; by default all.

    Raises:
        HostFailed: the settings are wrong, or the host did not answer.
    """
    settings = current(host)
    found = collected(host, settings)
    return judged(found, settings, project, signatures)


def judged(
    found: dict[str, Any], settings: Settings, project: str = "",
    signatures: Sequence[Signature] | None = None,
) -> HostTriage:
    """Judge what a collector found: pure.

    Args:
        found: what the collector returned.
        settings: of the host.
        project: see `triage`.
        signatures: what is known; by default all.
    """
    known = load() if signatures is None else signatures
    looked = []
    for scope in scopes(found, settings, project):
        all_ = seen(scope, found, settings)
        looked.append(Looked(scope, all_, judge(all_, known)))
    directory = good_directory(stack_directory(settings))
    good = {
        path.removeprefix(f"{directory}/"): text for path, text in found["files"].items()
        if path.startswith(f"{directory}/") and text
    }
    names = [found["host"]["host_name"], *(store["user"] for store in found["stores"])]
    return HostTriage(
        tuple(looked), tuple(other_stacks(found, settings)), settings, found["seconds"],
        # The stack's user is called as the stack is, whose name is in that of each container.
        tuple(name for name in names if name and name != settings.stack_name), good,
    )
