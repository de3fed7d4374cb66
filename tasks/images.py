"""The stack's own images, built on the host where their content differs."""

from pyinfra import host

from tasks import preflight, verify
from xnai.facts.podman import PodmanUnknown
from xnai.image_content import build_inputs
from xnai.operations import image
from xnai.pyinfra_ext import RUN_BY_PYINFRA, this_host_alone
from xnai.settings import current
from xnai.stack_reading import read_store


def apply() -> None:
    """Declare a build for each image whose content hash no image on the host carries."""
    settings = current()
    found = read_store(host, settings).images
    present = {} if isinstance(found, PodmanUnknown) else found
    for wanted in build_inputs(settings):
        if present.get(wanted.reference) != wanted.content_hash:
            image.build(
                name=f"images: build {wanted.reference} (no image with this content)",
                build_input=wanted,
                stack_name=settings.stack_name,
                directory=f"/var/lib/xnai/{settings.stack_name}/build",
                stack_user=settings.stack_user,
            )


if __name__ == RUN_BY_PYINFRA:
    with this_host_alone():
        preflight.apply()
        apply()
        verify.waiting()
