"""The stack's own images, built on the host where their content differs."""

from pyinfra import host

from tasks import preflight, verify
from xnai.catalogue import services
from xnai.facts.podman import PodmanUnknown
from xnai.image_content import build_inputs
from xnai.operations import image
from xnai.pyinfra_ext import RUN_BY_PYINFRA, this_host_alone
from xnai.settings import current
from xnai.stack_reading import read_store


def apply() -> None:
    """Declare what the store lacks: own images by their content, registry images by their name."""
    settings = current()
    store = read_store(host, settings)
    present = {} if isinstance(store.images, PodmanUnknown) else store.images
    builds = [
        wanted for wanted in build_inputs(settings)
        if present.get(wanted.reference) != wanted.content_hash
    ]
    # Before the stack: a container is not taken down for an image that cannot be had.
    needed = {service.image for service in services(settings) if service.image}
    if any(wanted.image.base is None for wanted in builds):
        needed.add(settings.base_image)
    # Podman lists a name with a digest otherwise; whoever pins one gets it at the first use.
    if absent := sorted(name for name in needed if name not in present and "@" not in name):
        image.pull(name=f"images: pull {', '.join(absent)} (absent)", references=absent)
    for wanted in builds:
        image.build(
            name=f"images: build {wanted.reference} (no image with this content)",
            build_input=wanted,
            stack_name=settings.stack_name,
            directory=f"/var/lib/xnai/{settings.stack_name}/build",
        )


if __name__ == RUN_BY_PYINFRA:
    with this_host_alone():
        preflight.apply()
        apply()
        verify.waiting()
