"""The stack's own images, built on the host where their content differs."""

from importlib.metadata import version

from pyinfra import host

from tasks import preflight, verify
from xnai.catalogue import services
from xnai.facts.podman import PodmanUnknown
from xnai.image_content import build_inputs
from xnai.image_plan import builds, find, prunable
from xnai.operations import image
from xnai.pyinfra_ext import RUN_BY_PYINFRA, fail_host, summary, this_host_alone
from xnai.settings import current, layers
from xnai.source_tree import TreeRefused, refusals, revision
from xnai.stack_reading import read_store


def apply() -> None:
    """Declare what the store lacks: own images by their content, registry images by their name."""
    settings = current()
    wanted = inputs(settings)
    store = read_store(host, settings)
    present = () if isinstance(store.images, PodmanUnknown) else store.images
    planned = builds(wanted, present)
    # Before the stack: a container is not taken down for an image that cannot be had.
    needed = {service.image for service in services(settings) if service.image}
    if any(build.wanted.parent == settings.base_image for build in planned):
        needed.add(settings.base_image)
    if absent := sorted(name for name in needed if not find(present, name)):
        image.pull(name=f"images: pull {', '.join(absent)} (absent)", references=absent)
    for build in planned:
        image.build(
            name=f"images: build {build.wanted.reference} ({build.reason})",
            planned=build,
            stack_name=settings.stack_name,
            directory=f"/var/lib/xnai/{settings.stack_name}/build",
            version=version("xnai"),
            revision=revision(build.wanted.image.requirements.root),
            wheelhouse_dir=settings.wheelhouse_dir,
        )
    if planned:
        image.limit_cache(
            name=f"images: build caches within {settings.build_cache_max_mib} MiB",
            stack_name=settings.stack_name,
            stack_user=settings.stack_user,
            most_mib=settings.build_cache_max_mib,
        )


def inputs(settings):
    """Return the input of every image, or stop this host where a tree cannot be built."""
    where = layers.origin(layers.layers(host), "service_sources")
    if found := refusals(settings, where):
        fail_host("these trees cannot be built, nothing was changed:\n" + "\n".join(found))
    try:
        return build_inputs(settings)
    except TreeRefused as refused:
        fail_host(str(refused))


def prune() -> None:
    """Declare the removal of images older than the previous generation; after the stack is up."""
    settings = current()
    store = read_store(host, settings)
    if isinstance(store.images, PodmanUnknown):
        return
    if old := prunable(inputs(settings), store.images, settings.stack_name):
        names = [(image.names or (image.id[:12],))[0] for image in old]
        image.remove(
            name=f"images: remove {summary(names)} (older than the previous generation)",
            ids=[image.id for image in old],
        )


if __name__ == RUN_BY_PYINFRA:
    with this_host_alone():
        preflight.apply()
        apply()
        verify.waiting()
