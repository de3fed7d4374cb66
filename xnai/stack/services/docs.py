"""The documentation: a site that MkDocs builds, and a small static server."""

from __future__ import annotations

from dataclasses import dataclass

from xnai.images.model import CopiedPath, Image
from xnai.settings import checks
from xnai.settings.declaration import MemoryDefaults, setting
from xnai.settings.model import Settings
from xnai.stack.model import BuiltIn, Service
from xnai.stack.shared import (
    SERVICES,
    allowed_hosts,
    http_health,
    lock,
    memory,
    own_user,
    reference,
)

DOCKERFILE = "Dockerfile.docs"


@dataclass(frozen=True)
class DocsSettings:
    """The site's own settings."""

    docs_port: int = setting(8002, checks.port, "Published on 127.0.0.1.")


def service(settings: Settings) -> Service:
    """Return the site's server with these settings."""
    port = settings.of(DocsSettings).docs_port
    return Service(
        name="docs",
        container_name=f"{settings.stack_name}_docs",
        build="docs",
        memory=memory(settings, "docs"),
        networks=(settings.stack_name,),
        user=own_user(settings),
        environment=(("DOCS_ALLOWED_HOSTS", allowed_hosts(settings, 8002, port)),),
        health_command=http_health("http://127.0.0.1:8002/"),
        port=8002,
        published_port=port,
        tmpfs=("/tmp",),  # noqa: S108
        url_path="/",
    )


def image(settings: Settings) -> Image:
    """Return its image."""
    server = reference("docs", "docs_server")
    return Image(
        name="docs",
        title="documentation",
        dockerfile=DOCKERFILE,
        copies=(
            *server,
            CopiedPath(SERVICES / "docs", "mkdocs.yml", "site/mkdocs.yml"),
            CopiedPath(SERVICES / "docs", "docs", "site/docs"),
        ),
        requirements=lock("docs"),
        # Needed only to build the site; nothing of it is in the image.
        packages_apart=False,
        command=("python", "-m", "docs_server"),
        port=8002,
        # A site of the user's own is served by ours.
        always_copied=server,
        own_tree_place="site",
    )


BUILT_IN = BuiltIn(
    name="docs",
    place=70,
    settings=DocsSettings,
    memory=MemoryDefaults(limit_mib=64, lowest_mib=32),
    service=service,
    image=image,
    dockerfile=DOCKERFILE,
)
