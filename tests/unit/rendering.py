"""Every template rendered as the tasks do it, for whatever settings."""

from __future__ import annotations

from tasks import containers, memory
from xnai import image_content
from xnai.catalogue import images
from xnai.image_content import BuildInput
from xnai.render import render
from xnai.settings.model import Settings
from xnai.stack_plan import StackPlan, plan

UID = 2000


def build_inputs(settings: Settings) -> list[BuildInput]:
    """Return inputs like image_content's, with hashes that stay when the sources change."""
    return [
        BuildInput(
            image=image,
            reference=f"localhost/{settings.stack_name}_{image.name}:{number:016x}",
            content_hash=f"{number:064x}",
            archive=b"",
        )
        for number, image in enumerate(images(settings), 1)
    ]


def stack(settings: Settings) -> StackPlan:
    """Return the plan with the images of build_inputs."""
    return plan(settings, build_inputs(settings))


def render_everything(settings: Settings) -> dict[str, str]:
    """Return the text of every template by its path below templates/, without .j2."""
    user = settings.stack_user
    home = f"/home/{user}"
    in_memory = memory.rendered(settings, settings.zram_compression_algorithm)
    in_home = containers.home_texts(settings)
    texts = {
        "containers/containers.conf": in_home[".config/containers/containers.conf.d/90-xnai.conf"],
        "containers/registries.conf": in_home[".config/containers/registries.conf.d/90-xnai.conf"],
        "containers/user-service.conf": render(
            "containers/user-service.conf.j2", oom_exempt=settings.oom_exempt
        ),
        "containers/xnai-podman": render(
            "containers/xnai-podman.j2", user=user, uid=UID, home=home
        ),
        "memory/zram-generator.conf": in_memory[memory.ZRAM_CONF],
        "memory/sysctl.conf": in_memory[memory.SYSCTL_CONF],
        "stack/docker-compose.yml": stack(settings).compose_text,
        "stack/xnai-stack.service": render(
            "stack/xnai-stack.service.j2", stack_name=settings.stack_name, stack_user=user
        ),
    }
    if settings.zswap == "off":
        texts["memory/tmpfiles.conf"] = in_memory[memory.ZSWAP_CONF]
    references = {item.image.name: item.reference for item in build_inputs(settings)}
    for image in images(settings):
        base = references[image.base] if image.base else settings.base_image
        texts[f"images/{image.dockerfile}"] = image_content._dockerfile(settings, image, base)
    return texts
