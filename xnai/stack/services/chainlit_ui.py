"""The Chainlit page, which asks the RAG API."""

from __future__ import annotations

from dataclasses import dataclass

from xnai.images.model import Image
from xnai.settings import checks
from xnai.settings.declaration import MemoryDefaults, setting
from xnai.settings.model import Settings
from xnai.stack.model import BuiltIn, Service
from xnai.stack.services.rag_api import RagApiSettings
from xnai.stack.shared import (
    allowed_hosts,
    allowed_origins,
    http_health,
    lock,
    memory,
    own_secret,
    own_user,
    reference,
)

DOCKERFILE = "Dockerfile.chainlit"


@dataclass(frozen=True)
class ChainlitUiSettings:
    """The page's own settings."""

    chainlit_ui_port: int = setting(8001, checks.port, "Published on 127.0.0.1.")


def service(settings: Settings) -> Service:
    """Return the page with these settings."""
    port = settings.of(ChainlitUiSettings).chainlit_ui_port
    return Service(
        name="chainlit_ui",
        container_name=f"{settings.stack_name}_chainlit_ui",
        build="chainlit_ui",
        memory=memory(settings, "chainlit_ui"),
        networks=(settings.stack_name,),
        user=own_user(settings),
        environment=(
            ("RAG_API_URL", "http://rag_api:8000"),
            ("RAG_API_CONTAINER", f"{settings.stack_name}_rag_api"),
            ("UI_MAX_FILE_MIB", str(settings.of(RagApiSettings).rag_api_max_file_mib)),
            ("UI_ALLOWED_HOSTS", allowed_hosts(settings, 8001, port)),
            ("UI_ALLOWED_ORIGINS", allowed_origins(settings, port)),
        ),
        health_command=http_health("http://127.0.0.1:8001/health"),
        port=8001,
        published_port=port,
        tmpfs=("/tmp",),  # noqa: S108
        # It brings in the files that are dropped on it.
        secrets=(
            own_secret(settings, "chainlit_auth_secret"), own_secret(settings, "ingest_token"),
        ),
        # Not on rag_api: the page says that the API is down better than no page does.
        url_path="/",
    )


def image(settings: Settings) -> Image:
    """Return its image."""
    return Image(
        name="chainlit_ui",
        title="Chainlit UI",
        dockerfile=DOCKERFILE,
        copies=reference("chainlit_ui"),
        requirements=lock("chainlit_ui"),
        command=(
            "uvicorn", "chainlit_ui.main:app", "--host", "0.0.0.0", "--port", "8001",  # noqa: S104
            "--no-server-header", "--timeout-graceful-shutdown", "3",
        ),
        port=8001,
    )


def secrets(settings: Settings) -> tuple[dict[str, str], ...]:
    """Return what its sessions are signed with."""
    return ({f"{settings.stack_name}_chainlit_auth_secret": "%s"},)


BUILT_IN = BuiltIn(
    name="chainlit_ui",
    place=40,
    settings=ChainlitUiSettings,
    memory=MemoryDefaults(limit_mib=384, lowest_mib=128),
    service=service,
    image=image,
    dockerfile=DOCKERFILE,
    secrets=secrets,
)
