"""AWQ quantisation: run by hand on a model in the volume, never started by the deploy."""

from __future__ import annotations

from dataclasses import dataclass

from xnai.images.model import Image
from xnai.settings import checks
from xnai.settings.declaration import MOST_MIB, setting
from xnai.settings.model import Settings
from xnai.stack.model import BuiltIn, Tool
from xnai.stack.shared import lock, own_user, reference

DOCKERFILE = "Dockerfile.awq"


@dataclass(frozen=True)
class AwqSettings:
    """Whether there is a quantisation image, and what it may take."""

    awq_image: bool = setting(
        False,
        checks.boolean,
        "True builds the AWQ quantisation image as well: its packages weigh some 3 GB.",
    )
    awq_memory_limit_mib: int = setting(
        8192,
        checks.integer(512, MOST_MIB),
        "What a quantisation may take, run by hand beside the stack; as much swap again. Not in "
        "the sum that preflight holds against the machine.",
    )


def tool(settings: Settings) -> Tool | None:
    """Return the program behind its profile of docker-compose.yml."""
    own = settings.of(AwqSettings)
    if not own.awq_image:
        return None
    source = settings.service_sources.get("awq")
    return Tool(
        name="awq",
        profile="awq",
        build="awq",
        memory_limit_mib=own.awq_memory_limit_mib,
        user=own_user(settings),
        volumes=((f"{settings.stack_name}_models", "/models"),),
        tmpfs=("/tmp",),  # noqa: S108  (a path inside the container)
        environment=source.environment if source else (),
    )


def image(settings: Settings) -> Image:
    """Return its image."""
    return Image(
        name="awq",
        title="AWQ quantisation",
        dockerfile=DOCKERFILE,
        copies=reference("awq"),
        requirements=lock("awq"),
        command=("python", "-m", "awq", "--help"),
        volume="/models",
        built=settings.of(AwqSettings).awq_image,
        # Not measured: its wheels weigh some 3 GB, and unpacked packages stand in the build
        # stage, in the image and in the commit.
        space_needs_mib=(("~/.local/share/containers/storage", 12288), ("/var/tmp", 8192)),  # noqa: S108
    )


BUILT_IN = BuiltIn(
    name="awq", place=80, settings=AwqSettings, tool=tool, image=image, dockerfile=DOCKERFILE,
)
