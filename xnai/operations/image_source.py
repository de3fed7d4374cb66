"""What a place is from which images are copied, and what the kinds of it share."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from paramiko import SSHException
from pyinfra.api.command import StringCommand
from pyinfra.api.host import Host
from pyinfra.context import ctx_state

from xnai.images.offer import ARCHITECTURES, CopyRefused, Offer
from xnai.images.plan import Build
from xnai.operations import image_commands
from xnai.remote import blobs
from xnai.run.context import hardware
from xnai.run.image_record import ImageRecord
from xnai.run.pyinfra import connector_arguments

_TELL_EVERY_S = 10.0
_LAST_LINES = 3


class ImageSource(Protocol):
    """A place that images are copied from and to.

    Attributes:
        name: for people.
        lasting: whether it is there after the run.
    """

    name: str
    lasting: bool

    def offers(self, references: Sequence[str], architecture: str) -> Offered:
        """Return what it has of these names for a machine, and why not the rest.

        Raises:
            CopyRefused: it cannot be looked at.
        """

    def bring(self, holder: Host, references: Sequence[str], over: bool = False) -> None:
        """Copy images of a host to it.

        Args:
            holder: whose.
            references: of images that are there.
            over: also those that it has already, which did not do.

        Raises:
            CopyRefused: that did not work; with what was said.
        """

    def install(self, host: Host, taken: Sequence[tuple[Build, Offer]]) -> set[str]:
        """Copy images from it to a host, and return the references that are there then.

        Raises:
            CopyRefused: not one could be copied.
        """


Offered = tuple[dict[str, Offer], dict[str, str]]
"""What there is by reference; and reference -> why it is not taken."""


def architecture_of(host: Host) -> str:
    """Return what images call a host's architecture; empty where there are none for it."""
    return ARCHITECTURES.get(hardware(host).architecture, "")


def run_on(host: Host, command: StringCommand | str) -> list[str]:
    """Run a command as root on any host of the run, and return the lines that it printed.

    Raises:
        CopyRefused: it failed, with the last that it said; or the host does not answer.
    """
    words = command if isinstance(command, StringCommand) else StringCommand(command)
    how = connector_arguments(host, ctx_state.get()) | words.connector_arguments
    try:
        done, output = host.run_shell_command(words, **how)
    except (SSHException, EOFError, OSError) as error:
        # pyinfra handles these for operations' own commands alone.
        raise CopyRefused(f"{host.name} does not answer: {error or type(error).__name__}") from None
    lines: list[str] = output.stdout_lines
    if not done:
        said = [line for line in output.stderr_lines if line.strip()][-_LAST_LINES:]
        raise CopyRefused(f"{host.name}: {' / '.join(said) or 'a command failed'}", lines)
    return lines


def not_taken(reference: str, why: str) -> str:
    """Return the line that tells why an image is built though there is one."""
    return f"{reference} is not taken from elsewhere: {why}"


def recorded(record: ImageRecord, references: Sequence[str], architecture: str) -> Offered:
    """Return what a record has of these names for a machine."""
    found, refused = {}, {}
    by_name = record.by_name()
    for reference in references:
        there = by_name.get(reference, {})
        if architecture in there:
            found[reference] = there[architecture]
        elif there:
            refused[reference] = (
                f"it is there for {' and '.join(sorted(there))}, this machine is {architecture}"
            )
    return found, refused


def arrived_on(host: Host, command: StringCommand | str) -> set[str]:
    """Run what takes images, and return which are there, also where it ended in the middle."""
    try:
        return image_commands.arrived(run_on(host, command))
    except CopyRefused as refused:
        found = image_commands.arrived(refused.lines)
        if not found:
            raise
        host.log(f"not all images were copied: {refused}")
        return found


def told(host: Host, sizes: Mapping[str, int], words: str) -> Iterator[list[blobs.Segment]]:
    """The pieces to move; how far it is told now and then."""
    total, done = sum(sizes.values()), 0
    told = time.monotonic()
    for piece in blobs.pieces(sizes):
        yield piece
        done += sum(one.length for one in piece)
        if time.monotonic() - told > _TELL_EVERY_S:
            told = time.monotonic()
            host.log(f"copying images {words}: {done >> 20} of {total >> 20} MiB")
