"""What is run by hand with the stack's compose file, and never started by the deploy."""

from __future__ import annotations

from xnai.catalogue.model import Tool
from xnai.catalogue.shared import own_user
from xnai.settings.model import Settings


def tools(settings: Settings) -> tuple[Tool, ...]:
    """Return the programs behind profiles of docker-compose.yml."""
    if not settings.awq_image:
        return ()
    source = settings.service_sources.get("awq")
    return (
        Tool(
            name="awq",
            profile="awq",
            build="awq",
            memory_limit_mib=settings.awq_memory_limit_mib,
            user=own_user(settings),
            volumes=((f"{settings.stack_name}_models", "/models"),),
            tmpfs=("/tmp",),  # noqa: S108  (a path inside the container)
            environment=source.environment if source else (),
        ),
    )
