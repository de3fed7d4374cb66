"""Every template rendered as the tasks do it, for whatever settings."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

from tasks import containers, memory
from tasks import stack as stack_task
from xnai import image_content
from xnai.image_content import BuildInput
from xnai.image_plan import Build
from xnai.operations import image as image_operation
from xnai.settings.model import Settings
from xnai.stack_plan import StackPlan, plan

UID = 2000


def build_inputs(settings: Settings) -> list[BuildInput]:
    """Return inputs like image_content's, with hashes that stay when the sources change."""
    names = {
        item.name: f"localhost/{settings.stack_name}_{item.name}:{number:016x}"
        for number, item in enumerate(image_content.build_inputs(settings), 1)
    }
    return [
        dataclasses.replace(
            item,
            reference=names[item.name], content_hash=f"{number:064x}", files={},
            parent=names.get(
                item.parent.partition(":")[0].removeprefix(f"localhost/{settings.stack_name}_"),
                item.parent,
            ),
            inputs={name: f"{number:064x}" for name in item.inputs},
            dockerfile=steady(item.dockerfile, settings.stack_name, names),
        )
        for number, item in enumerate(image_content.build_inputs(settings), 1)
    ]


def steady(text: str, stack_name: str, names: Mapping[str, str]) -> str:
    """Return a Dockerfile whose own references are those of `names`."""
    return re.sub(
        rf"localhost/{stack_name}_(\w+):[0-9a-f]{{16}}",
        lambda match: names.get(match[1], f"localhost/{stack_name}_{match[1]}:{'f' * 16}"), text,
    )


def stack(settings: Settings) -> StackPlan:
    """Return the plan with the images of build_inputs."""
    return plan(settings, build_inputs(settings))


def render_everything(settings: Settings) -> dict[str, str]:
    """Return the text of every template by its path below templates/, without .j2."""
    user = settings.stack_user
    home = f"/home/{user}"
    in_memory = memory.rendered(settings, settings.zram_compression_algorithm)
    in_system = containers.system_texts(settings)
    in_home = containers.home_texts(settings)
    texts = {
        "containers/containers.conf": in_home[".config/containers/containers.conf.d/90-xnai.conf"],
        "containers/registries.conf": in_home[".config/containers/registries.conf.d/90-xnai.conf"],
        "containers/user-service.conf": in_system[containers.USER_SERVICE],
        "containers/slice.conf": in_system[containers.SLICES[0]],
        "containers/xnai-podman": containers.wrapper_text(user, UID, home),
        "memory/zram-generator.conf": in_memory[memory.ZRAM_CONF],
        "memory/sysctl.conf": in_memory[memory.SYSCTL_CONF],
        **{f"stack/{file.name}": file.text for file in stack(settings).files.values()},
        "stack/xnai-stack.service": stack_task.unit_text(settings),
    }
    if settings.zswap == "off":
        texts["memory/tmpfiles.conf"] = in_memory[memory.ZSWAP_CONF]
    inputs = build_inputs(settings)
    names = {item.name: item.reference for item in inputs}
    texts["images/build.sh"] = image_operation.script(
        Build(inputs[2], "absent", "0123456789abcdef" if settings.wheelhouse_dir else ""),
        settings.stack_name, f"/var/lib/xnai/{settings.stack_name}/build",
        {"IMAGE_VERSION": "1.2", "IMAGE_REVISION": "abc"}, settings.wheelhouse_dir,
    )
    for name, text in image_content.dockerfiles(settings).items():
        texts[f"images/{name}"] = steady(text, settings.stack_name, names)
    return texts
