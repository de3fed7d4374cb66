"""Every template rendered as the tasks do it, for whatever settings."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

from xnai.images.content import BuildInput
from xnai.images.plan import Build
from xnai.machine import files as machine_files
from xnai.machine import sampler
from xnai.memory import files as memory_files
from xnai.operations import image as image_operation
from xnai.operations import network
from xnai.settings.model import Settings
from xnai.stack import catalogue, paths
from xnai.stack.boot_unit import unit_text
from xnai.stack.plan import StackPlan, plan

UID = 2000
# What the references of each image end in, whatever the order of the builds.
NUMBERS = (
    "base", "build", "rag_api_packages", "rag_api", "llm_packages", "llm", "chainlit_ui_packages",
    "chainlit_ui", "crawler_packages", "crawler", "curation_worker_packages", "curation_worker",
    "docs", "awq_packages", "awq",
)


def build_inputs(settings: Settings) -> list[BuildInput]:
    """Return inputs like the catalogue's, with hashes that stay when the sources change."""
    found = [(NUMBERS.index(item.name) + 1, item) for item in catalogue.build_inputs(settings)]
    names = {
        item.name: f"localhost/{settings.stack_name}_{item.name}:{number:016x}"
        for number, item in found
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
        for number, item in found
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
    in_memory = memory_files.rendered(settings, settings.zram_compression_algorithm)
    in_system = machine_files.system_texts(settings)
    in_home = machine_files.home_texts(settings)
    texts = {
        "containers/containers.conf": in_home[".config/containers/containers.conf.d/90-xnai.conf"],
        "containers/registries.conf": in_home[".config/containers/registries.conf.d/90-xnai.conf"],
        "containers/user-service.conf": in_system[paths.USER_SERVICE],
        "containers/slice.conf": in_system[paths.SLICES[0]],
        "containers/build.slice": in_home[machine_files.BUILD_SLICE_FILE],
        "containers/xnai-podman": machine_files.wrapper_text(settings, UID, home),
        "memory/zram-generator.conf": in_memory[memory_files.ZRAM_CONF],
        "memory/sysctl.conf": in_memory[memory_files.SYSCTL_CONF],
        # Its version is of the program too, which is no matter here.
        "memory/xnai-sampler.service": sampler.unit_text(b""),
        **{f"stack/{file.name}": file.text for file in stack(settings).files.values()},
        "stack/xnai-stack.service": unit_text(settings),
    }
    if settings.zswap == "off":
        texts["memory/tmpfiles.conf"] = in_memory[memory_files.ZSWAP_CONF]
    inputs = build_inputs(settings)
    names = {item.name: item.reference for item in inputs}
    (packages,) = (item for item in inputs if item.name == "rag_api_packages")
    texts["images/build.sh"] = image_operation.script(
        Build(packages, "absent", "0123456789abcdef" if settings.wheelhouse_dir else ""),
        settings.stack_name, f"/var/lib/xnai/{settings.stack_name}/build",
        {"IMAGE_VERSION": "1.2", "IMAGE_REVISION": "abc"}, settings.wheelhouse_dir,
        network.of(settings).build_words,
    )
    for name, text in catalogue.dockerfiles(settings).items():
        texts[f"images/{name}"] = steady(text, settings.stack_name, names)
    return texts
