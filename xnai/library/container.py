"""Calls of `python -m rag_api.library` in the API's container, which alone has the ingest token."""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Sequence
from typing import Any

from pyinfra.api.host import Host
from pyinfra.context import ctx_state

from xnai.remote.limit import Limited
from xnai.run.pyinfra import HostFailed, connector_arguments
from xnai.settings.model import Settings
from xnai.stack.catalogue import services

# Lines of a command's standard input: pyinfra sends each alone.
_LINE_BYTES = 24 << 10
# A batch on a small machine that swaps.
_LIMIT_S = 3600

Said = list[dict[str, Any]]


class ServiceContainer:
    """A container of ours on a host, in which a command is run.

    Args:
        host: connected.
        settings: of the host.
        service: rag_api or crawler.

    Raises:
        HostFailed: from the constructor: the service is of the user's own tree.
    """

    def __init__(self, host: Host, settings: Settings, service: str) -> None:
        if service in settings.service_sources:
            raise HostFailed(
                f"the service {service} is of a tree of your own (service_sources) there; xnai "
                "knows the library of its own alone"
            )
        self._host = host
        (self._name,) = [
            one.container_name for one in services(settings) if one.name == service
        ]

    def run(self, *words: str, stdin: bytes | None = None) -> tuple[bool, list[str], list[str]]:
        """Run a command there.

        Args:
            words: of the command.
            stdin: its standard input, which it gets as lines of base64; None: it has none.

        Returns:
            Whether it ended with 0, its lines, and those of its standard error.
        """
        flags = "--interactive " if stdin is not None else ""
        items = [
            base64.b64encode(stdin[at : at + _LINE_BYTES]).decode("ascii")
            for at in range(0, len(stdin), _LINE_BYTES)
        ] if stdin else []
        more: dict[str, Any] = {"_stdin": items} if items else {}
        command = Limited(
            f"xnai-podman exec {flags}{self._name} {shlex.join(words)}", limit_s=_LIMIT_S, **more,
        )
        how = connector_arguments(self._host, ctx_state.get()) | command.connector_arguments
        good, output = self._host.run_shell_command(command, **how)
        return bool(good), list(output.stdout_lines), list(output.stderr_lines)

    def library(self, *words: str, stdin: bytes | None = None) -> tuple[bool, Said]:
        """Run `python -m rag_api.library`.

        Args:
            words: its arguments.
            stdin: see `run`.

        Returns:
            Whether all of it succeeded, and what it said.

        Raises:
            HostFailed: it did not run, or its API refused; the text says what it said.
        """
        good, lines, errors = self.run("python", "-m", "rag_api.library", *words, stdin=stdin)
        try:
            said: Said = [json.loads(line) for line in lines if line.strip()]
        except ValueError:
            said = []
        if not good and not said:
            told = " ".join([*errors, *lines][-3:]) or "nothing"
            raise HostFailed(
                f"{self._name} did not do it; it said {told!r}. What is wrong there: xnai triage"
            )
        if said and said[-1].keys() == {"failed"}:
            raise HostFailed(str(said[-1]["failed"]))
        return good, said


def last_line(lines: Sequence[str]) -> str:
    """Return the last line that says something."""
    return next((line for line in reversed(lines) if line.strip()), "nothing was said")
