"""The stack's own images, built on the host where their content differs."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gevent
from pyinfra import host, state
from pyinfra.context import ctx_host

from tasks import before, preflight, verify
from xnai.facts.podman import StoreImage
from xnai.facts.podman_call import PodmanUnknown
from xnai.facts.wheelhouse import WheelhouseFiles
from xnai.images.content import PARENT_LABEL, BuildInput
from xnai.images.locks import absent, python_of
from xnai.images.plan import Build, builds, find, levels, prunable
from xnai.images.python_files import unparsable
from xnai.images.tree import TreeRefused, revision, untracked
from xnai.operations import image, image_copy, network
from xnai.operations.image_copy import Elsewhere, source_of
from xnai.operations.image_source import architecture_of
from xnai.operations.program import Commands
from xnai.run.context import current
from xnai.run.exchange import exchange_of
from xnai.run.known import known
from xnai.run.pyinfra import RUN_BY_PYINFRA, fail_host, summary, this_host_alone
from xnai.run.store import read_store
from xnai.settings import layers
from xnai.settings.model import Settings
from xnai.stack.catalogue import build_inputs, services, tree_problems
from xnai.stack.differences import images_of, missing_images
from xnai.stack.paths import build_directory
from xnai.stack.plan import StackPlan, plan


def apply() -> None:
    """Declare what the store lacks: own images by their content, registry images by their name."""
    settings = current()
    wanted = inputs(settings)
    store = read_store(host, settings)
    planned = builds(wanted, images_of(store))
    _try_what_is_cheap(settings, planned)
    elsewhere = _elsewhere(settings)
    # Before the stack: a container is not taken down for an image that cannot be had.
    missing = missing_images(settings, stack_plan(settings), wanted, store)
    if elsewhere:
        missing = [name for name in missing if name != settings.base_image]
    if missing:
        image.pull(name=f"images: pull {', '.join(missing)} (absent)", references=missing,
                   network=network.of(settings))
    for build in planned:
        copies = build.wanted.image.copies if "files" in build.wanted.inputs else ()
        if left_out := untracked(copies):
            host.log(f"not sent, since git does not track it: {summary(left_out)} (git add)")
    if elsewhere:
        here = {
            reference: found.labels.get(PARENT_LABEL, "") for reference in _here(wanted, planned)
            if (found := find(images_of(store), reference))
        }
        # The host itself: `host` here is whichever one pyinfra works on.
        elsewhere.exchange.has(ctx_host.get(), architecture_of(host), here)
    if elsewhere and planned:
        image_copy.obtain(
            name=f"images: copy or build {_names(planned)}",
            planned=planned, images=images_of(store), elsewhere=elsewhere,
            build=lambda rest: _commands(settings, rest, images_of(store)),
        )
    else:
        for group in levels(planned):
            image.build(name=f"images: build {_names(group)}", **_how(settings, group))
    if planned:
        image.limit_cache(
            name=f"images: build caches within {settings.build_cache_max_mib} MiB",
            stack_name=settings.stack_name,
            stack_user=settings.stack_user,
            most_mib=settings.build_cache_max_mib,
        )


def _here(wanted: Sequence[BuildInput], planned: Sequence[Build]) -> list[str]:
    """The names of the images that are there as they should be."""
    lacked = {one.wanted.reference for one in planned}
    return [one.reference for one in wanted if one.reference not in lacked]


def _names(group: Sequence[Build]) -> str:
    return summary([f"{one.wanted.reference} ({one.reason})" for one in group], most=8)


def _how(settings: Settings, group: Sequence[Build]) -> dict[str, Any]:
    """The arguments of image.build."""
    return {
        "planned": group,
        "stack_name": settings.stack_name,
        "directory": build_directory(settings),
        "version": version("xnai"),
        "revisions": {b.wanted.name: revision(b.wanted.image.copies[-1].root) for b in group},
        "wheelhouse_dir": settings.wheelhouse_dir,
        "network": network.of(settings),
    }


def _commands(
    settings: Settings, rest: Sequence[Build], present: Sequence[StoreImage]
) -> Commands:
    """What builds the images that could not be copied, and pulls their base where they need it."""
    base = settings.base_image
    if any(one.wanted.parent == base for one in rest) and not find(present, base):
        yield from image.pull._inner(references=[base], network=network.of(settings))
    for group in levels(rest):
        yield from image.build._inner(**_how(settings, group))


def _elsewhere(settings: Settings) -> Elsewhere | None:
    """Where images may be copied from; None where there is no such place."""
    several = len(state.inventory.get_active_hosts()) > 1
    if settings.image_source == "build" or not (settings.image_source or several):
        return None
    return Elsewhere(source_of(state, settings.image_source), exchange_of(state))


def hand_on() -> None:
    """Declare that images which are here are copied to a lasting image_source that lacks them."""
    settings = current()
    elsewhere = _elsewhere(settings)
    if elsewhere is None or isinstance(images := read_store(host, settings).images, PodmanUnknown):
        return
    wanted = inputs(settings)
    here = _here(wanted, builds(wanted, images))
    if absent_there := image_copy.lacking(elsewhere.source, host, here):
        image_copy.give(
            name=f"images: copy {len(absent_there)} images to {elsewhere.source.name}",
            references=absent_there, source=elsewhere.source,
            _ignore_errors=True,  # said, and no reason to leave out the table of what is up
        )


def read_beside() -> None:
    """Read the images' inputs while the host is asked; what is wrong with them is said later."""
    of, settings = ctx_host.get(), current()

    def read() -> None:
        with suppress(Exception):
            known(of).read_inputs = build_inputs(settings)

    gevent.spawn(read)


def inputs(settings: Settings) -> list[BuildInput]:
    """Return every image's input, read once a run; stop this host where a tree cannot be built."""
    found = known(host).build_inputs
    if found is None:
        found = known(host).build_inputs = _inputs(settings)
    return found


def stack_plan(settings: Settings) -> StackPlan:
    """Return what the stack should be, made once a run."""
    found = known(host).plan
    if found is None:
        found = known(host).plan = plan(settings, inputs(settings))
    return found


def _inputs(settings: Settings) -> list[BuildInput]:
    where = layers.origin(layers.layers(host), "service_sources")
    if found := tree_problems(settings, where):
        fail_host("these trees cannot be built, nothing was changed:\n" + "\n".join(found))
    try:
        return known(host).read_inputs or build_inputs(settings)
    except TreeRefused as refused:
        fail_host(str(refused))


def _try_what_is_cheap(settings: Settings, planned: Sequence[Build]) -> None:
    """Before the first build of the user's trees: do the files compile, has the index it all."""
    python = python_of(settings.base_image)
    if python is None:
        return
    own = [b.wanted for b in planned if b.wanted.image.name in settings.service_sources]
    found = [
        sentence for wanted in own if "files" in wanted.inputs
        for sentence in unparsable(wanted.image.copies, python)
    ]
    locks = {
        wanted.image.requirements.root / wanted.image.requirements.source:
            wanted.image.source_packages
        for wanted in own if "requirements" in wanted.inputs
    }
    if found := found + _absent(settings, locks, python):
        fail_host("nothing was built or changed:\n" + "\n".join(found))


def _absent(settings: Settings, locks: Mapping[Path, Sequence[str]], python: str) -> list[str]:
    """Sentences for what neither the index nor the wheelhouse has."""
    index = settings.package_index_url
    if not locks or index is None:
        return []
    there = (
        host.get_fact(WheelhouseFiles, settings.wheelhouse_dir) if settings.wheelhouse_dir else []
    )
    found = []
    for lock, sources in sorted(locks.items()):
        host.log(f"asking {index} for the packages of {lock}")
        missing = absent(lock, python, index, there, sources)
        if missing is None:
            host.log(f"could not tell whether {index} has them all; the build will")
        found += missing or []
    return found


def prune() -> None:
    """Declare the removal of images older than the previous generation; after the stack is up."""
    settings = current()
    store = read_store(host, settings)
    if isinstance(store.images, PodmanUnknown):
        return
    old = prunable(inputs(settings), store.images, settings.stack_name, replaced(settings))
    if old:
        image.remove(
            name=f"images: remove {summary(old)} (older than the previous generation)",
            names=old,
        )


def replaced(settings: Settings) -> dict[str, str]:
    """Return the images that containers leave in this run: short name -> ID of the old one."""
    store = read_store(host, settings)
    if isinstance(store.images, PodmanUnknown) or isinstance(store.containers, PodmanUnknown):
        return {}
    wanted = {item.name: item for item in inputs(settings)}
    anew = {build.wanted.name for build in builds(list(wanted.values()), store.images)}
    found = {}
    for service in services(settings):
        container = store.containers.get(service.container_name)
        if not service.build or container is None:
            continue
        now = find(store.images, wanted[service.build].reference)
        if service.build in anew or now is None or now.id != container.image_id:
            found[service.build] = container.image_id
    return found


if __name__ == RUN_BY_PYINFRA:
    with this_host_alone():
        preflight.apply()
        before.apply()
        apply()
        hand_on()
        verify.waiting()
