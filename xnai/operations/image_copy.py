"""Images that exist elsewhere are copied, the others built; and what was built is given on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

from pyinfra.api.exceptions import OperationError
from pyinfra.api.host import Host
from pyinfra.api.state import State
from pyinfra.context import ctx_host, ctx_state

from xnai.facts.podman import StoreImage
from xnai.images.layout import Layout
from xnai.images.offer import CopyRefused, Offer, bases_of, misfit, takeable
from xnai.images.plan import Build
from xnai.operations.guard import failing_operation
from xnai.operations.image_directory import DirectorySource, temporary
from xnai.operations.image_registry import RegistrySource
from xnai.operations.image_source import ImageSource, architecture_of, not_taken
from xnai.operations.program import Commands
from xnai.run import image_record
from xnai.run.context import current
from xnai.run.exchange import ImageExchange
from xnai.run.image_record import ImageRecord

_OF_RUNS: WeakKeyDictionary[State, dict[str, ImageSource]] = WeakKeyDictionary()


def source_of(state: State, image_source: str | None) -> ImageSource:
    """Return the source that a setting names; one object for all hosts of a run.

    Args:
        state: the run.
        image_source: the setting, which is not "build".
    """
    of_run = _OF_RUNS.setdefault(state, {})
    name = image_source or ""
    if name not in of_run:
        of_run[name] = _made(name)
    return of_run[name]


def _made(name: str) -> ImageSource:
    if name.startswith("docker"):
        return RegistrySource(name, ImageRecord(name, image_record.file()))
    if name:
        record = ImageRecord(name, image_record.file())
        return DirectorySource(Layout(Path(name)), record, name, lasting=True)
    layout = Layout(temporary())
    return DirectorySource(layout, ImageRecord("", None), "the controller", lasting=False)


@dataclass(frozen=True)
class Elsewhere:
    """What is outside of this host.

    Attributes:
        source: through which images come and go.
        exchange: who else has or builds them in this run.
    """

    source: ImageSource
    exchange: ImageExchange


@failing_operation
def obtain(
    planned: Sequence[Build],
    images: Sequence[StoreImage],
    elsewhere: Elsewhere,
    build: Callable[[Sequence[Build]], Commands],
) -> Commands:
    """Copy what the source or another host of this run has, and build the rest.

    Of several hosts that lack an image the first one builds it; the others wait, and copy it. What
    cannot be copied, for whatever reason, is built here, and the reason is told.

    Args:
        planned: what is lacking, bases first.
        images: of the host.
        elsewhere: where to look.
        build: returns the commands that build some of it.
    """
    if not ctx_state.get().is_executing:
        yield "true"  # the plan alone: there is something to do
        return
    host = ctx_host.get()
    architecture = architecture_of(host)
    source, exchange = elsewhere.source, elsewhere.exchange
    wanted = [one.wanted.reference for one in planned]
    bases = bases_of(planned, images)
    offered = _offers(host, source, wanted, architecture)
    # What the source has nobody need build.
    lacking_there = {one: base for one, base in bases.items() if one not in offered}
    mine = exchange.begin(host, architecture, lacking_there)
    there: set[str] = set()
    try:
        of_others = {one: base for one, base in lacking_there.items() if one not in mine}
        _from_hosts(host, elsewhere, of_others, architecture)
        there = _copied(host, source, planned, images, architecture)
        rest = [one for one in planned if one.wanted.reference not in there]
        yield from build(rest)
        there = set(wanted)
        if source.lasting and rest:
            _give(host, source, [one.wanted.reference for one in rest])
    finally:
        exchange.end(host, architecture, bases, mine, there)
    if not rest:
        yield "true"  # what was copied is a change as well


@failing_operation
def give(references: Sequence[str], source: ImageSource) -> Commands:
    """Copy images that are here to a source that lacks them.

    Args:
        references: of images that are here.
        source: which lasts.

    Raises:
        OperationError: that did not work.
    """
    if ctx_state.get().is_executing:
        host = ctx_host.get()
        try:
            source.bring(host, references)
        except CopyRefused as refused:
            raise OperationError(
                f"not copied to {source.name}: {refused}. The stack itself is as it should "
                "be. See image_source (docs/images.md)"
            ) from None
    yield "true"


def lacking(source: ImageSource, host: Host, references: Sequence[str]) -> list[str]:
    """Return what a lasting source has not; nothing where it cannot be looked at."""
    architecture = architecture_of(host)
    if not source.lasting:
        return []
    try:
        there, _ = source.offers(references, architecture)
    except CopyRefused as refused:
        host.log(f"{source.name}: {refused}")
        return []
    return [one for one in references if one not in there]


def _give(host: Host, source: ImageSource, references: Sequence[str]) -> None:
    """An image that was built is there, whether or not it can be given on."""
    try:
        # Over what is there: it did not do.
        source.bring(host, references, over=True)
        host.log(f"copied to {source.name}: {len(references)} images")
    except CopyRefused as refused:
        host.log(f"not copied to {source.name}: {refused}")


def _offers(
    host: Host, source: ImageSource, wanted: Sequence[str], architecture: str, tell: bool = True
) -> dict[str, Offer]:
    try:
        found, refused = source.offers(wanted, architecture)
    except CopyRefused as error:
        host.log(f"{source.name}: {error}")
        return {}
    if tell:
        for reference, why in refused.items():
            host.log(not_taken(reference, why))
    return found


def _from_hosts(
    host: Host, elsewhere: Elsewhere, bases: Mapping[str, str], architecture: str
) -> None:
    """Bring to the source what other hosts have, or are building just now."""
    exchange, source = elsewhere.exchange, elsewhere.source
    builders = {exchange.builder(one, architecture, base) for one, base in bases.items()} - {None}
    if builders:
        names = sorted(builder.name for builder in builders if builder)
        host.log(f"waiting for images that {' and '.join(names)} builds")
    left = dict(bases)
    for reference, base in bases.items():
        exchange.wait(reference, architecture, base)
    tried: set[Host] = set()
    while of_holder := _holders(exchange, left, architecture, tried | {host}):
        holder, references = next(iter(of_holder.items()))
        tried.add(holder)
        host.log(f"copying {len(references)} images from {holder.name}")
        try:
            source.bring(holder, references)
            left = {one: base for one, base in left.items() if one not in references}
        except CopyRefused as refused:
            host.log(f"not copied from {holder.name}: {refused}")


def _holders(
    exchange: ImageExchange, bases: Mapping[str, str], architecture: str, without: set[Host]
) -> dict[Host, list[str]]:
    """Who has which of these images, each once."""
    found: dict[Host, list[str]] = {}
    for reference, base in bases.items():
        for holder in exchange.holders(reference, architecture, base):
            if holder not in without:
                found.setdefault(holder, []).append(reference)
                break
    return found


def _copied(
    host: Host, source: ImageSource, planned: Sequence[Build], images: Sequence[StoreImage],
    architecture: str,
) -> set[str]:
    """Copy what the source has, as far as it fits, and return the references."""
    base_image = current(host).base_image
    offers = _offers(
        host, source, [one.wanted.reference for one in planned], architecture, tell=False
    )
    fits = {
        one.wanted.reference: misfit(offer, one.wanted, architecture, base_image)
        for one in planned if (offer := offers.get(one.wanted.reference))
    }
    taken, refused = takeable(planned, offers, images, fits)
    for reference, why in refused.items():
        host.log(not_taken(reference, why))
    if not taken:
        return set()
    try:
        there = source.install(host, taken)
    except CopyRefused as error:
        host.log(f"not copied from {source.name}, built here: {error}")
        return set()
    host.log(f"copied from {source.name}: {len(there)} images, and none of them was built here")
    return there

