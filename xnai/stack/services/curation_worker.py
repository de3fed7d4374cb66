"""The curation worker: cleans what the crawler fetched, and hands it to the RAG API."""

from __future__ import annotations

from xnai.images.model import Image
from xnai.settings.declaration import MemoryDefaults
from xnai.settings.model import Settings
from xnai.stack.model import BuiltIn, Service
from xnai.stack.shared import (
    data_network,
    heartbeat_health,
    lock,
    memory,
    own_secret,
    own_user,
    reference,
)

DOCKERFILE = "Dockerfile.curation_worker"


def service(settings: Settings) -> Service:
    """Return the worker with these settings."""
    stack = settings.stack_name
    return Service(
        name="curation_worker",
        container_name=f"{stack}_curation_worker",
        build="curation_worker",
        memory=memory(settings, "curation_worker"),
        networks=(settings.stack_name, data_network(settings)),
        user=own_user(settings),
        environment=(
            ("REDIS_HOST", "redis"),
            ("REDIS_PORT", "6379"),
            ("LIBRARY_DIR", "/library"),
            ("RAG_API_URL", "http://rag_api:8000"),
        ),
        health_command=heartbeat_health(),
        volumes=((f"{stack}_library", "/library"),),
        tmpfs=("/tmp",),  # noqa: S108
        secrets=(own_secret(settings, "redis_password"), own_secret(settings, "ingest_token")),
        depends_on=("redis", "rag_api"),
    )


def image(settings: Settings) -> Image:
    """Return its image."""
    return Image(
        name="curation_worker",
        title="curation worker",
        dockerfile=DOCKERFILE,
        copies=reference("curation_worker"),
        requirements=lock("curation_worker"),
        command=("python", "-m", "curation_worker"),
        volume="/library",
    )


BUILT_IN = BuiltIn(
    name="curation_worker",
    place=60,
    memory=MemoryDefaults(limit_mib=96, lowest_mib=32),
    service=service,
    image=image,
    dockerfile=DOCKERFILE,
)
