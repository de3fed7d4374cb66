"""The RAG API: answers questions with passages of the library, and with a model where one is."""

from __future__ import annotations

from dataclasses import dataclass

from xnai.images.model import Image
from xnai.settings import checks
from xnai.settings.declaration import MemoryDefaults, setting
from xnai.settings.model import Settings
from xnai.stack.model import BuiltIn, Service
from xnai.stack.services.llm import LlmSettings
from xnai.stack.shared import (
    allowed_hosts,
    allowed_origins,
    data_network,
    http_health,
    lock,
    memory,
    own_secret,
    own_user,
    reference,
)

DOCKERFILE = "Dockerfile"


@dataclass(frozen=True)
class RagApiSettings:
    """The RAG API's own settings."""

    rag_api_port: int = setting(8000, checks.port, "Published on 127.0.0.1.")
    rag_answers: str | None = setting(
        None,
        checks.optional(checks.choice("extract", "both")),
        "What answers a question: the passages' own sentences, word for word (extract), or these "
        "and then a model's text, as long as the passages support it (both). None: extract with "
        "the small model in the image, which is a placeholder; both with a model of yours.",
    )
    rag_api_max_file_mib: int = setting(
        32,
        checks.integer(1, 1024),
        "MiB of a file that comes into the library, by `xnai ingest` or the chat page. It is in "
        "the page's memory twice while it comes.",
    )


def service(settings: Settings) -> Service:
    """Return the API with these settings."""
    model, own = settings.of(LlmSettings), settings.of(RagApiSettings)
    port = own.rag_api_port
    placeholder = model.llm_endpoint_url is None and model.llm_model_file is None
    return Service(
        name="rag_api",
        container_name=f"{settings.stack_name}_rag_api",
        build="rag_api",
        memory=memory(settings, "rag_api"),
        networks=(settings.stack_name, data_network(settings)),
        user=own_user(settings),
        environment=(
            ("REDIS_HOST", "redis"),
            ("REDIS_PORT", "6379"),
            ("RAG_DATA_DIR", "/data"),
            ("RAG_ALLOWED_HOSTS", allowed_hosts(settings, 8000, port, "rag_api")),
            ("RAG_ALLOWED_ORIGINS", allowed_origins(settings, port)),
            ("RAG_MAX_FILE_MIB", str(own.rag_api_max_file_mib)),
            ("RAG_ANSWERS", own.rag_answers or ("extract" if placeholder else "both")),
            ("LLM_URL", model.llm_endpoint_url or "http://llm:8080/v1"),
            ("LLM_MODEL", model.llm_model_name),
            ("LLM_CONTEXT_TOKENS", str(model.llm_context_tokens)),
        ),
        health_command=http_health("http://127.0.0.1:8000/ready"),
        port=8000,
        published_port=port,
        volumes=((f"{settings.stack_name}_rag_index", "/data"),),
        tmpfs=("/tmp",),  # noqa: S108
        secrets=(own_secret(settings, "redis_password"), own_secret(settings, "ingest_token")),
        # Not on llm: without a model the passages are the answer.
        depends_on=("redis",),
        url_path="/ready",
    )


def image(settings: Settings) -> Image:
    """Return its image."""
    return Image(
        name="rag_api",
        title="RAG API",
        dockerfile=DOCKERFILE,
        copies=reference("rag_api"),
        requirements=lock("rag_api"),
        command=(
            "uvicorn", "rag_api.main:app", "--host", "0.0.0.0", "--port", "8000",  # noqa: S104
            # An answer that streams when the container is stopped may not hold it.
            "--no-server-header", "--timeout-graceful-shutdown", "3",
        ),
        port=8000,
        volume="/data",
    )


def secrets(settings: Settings) -> tuple[dict[str, str], ...]:
    """Return what whoever adds documents must show."""
    return ({f"{settings.stack_name}_ingest_token": "%s"},)


BUILT_IN = BuiltIn(
    name="rag_api",
    place=30,
    settings=RagApiSettings,
    memory=MemoryDefaults(limit_mib=512, lowest_mib=64),
    service=service,
    image=image,
    dockerfile=DOCKERFILE,
    secrets=secrets,
)
