"""Notes: a service that a contributor adds, with a port, data and a secret."""

from __future__ import annotations

from dataclasses import dataclass

from xnai.images.model import Image
from xnai.settings import checks
from xnai.settings.declaration import MemoryDefaults, setting
from xnai.settings.model import Settings
from xnai.stack.model import BuiltIn, Service
from xnai.stack.shared import http_health, lock, memory, own_secret, own_user, reference

DOCKERFILE = "Dockerfile.notes"


@dataclass(frozen=True)
class NotesSettings:
    """The notes' own settings."""

    notes_port: int = setting(8010, checks.port, "Published on 127.0.0.1.")


def service(settings: Settings) -> Service:
    """Return the notes' server with these settings."""
    return Service(
        name="notes",
        container_name=f"{settings.stack_name}_notes",
        build="notes",
        memory=memory(settings, "notes"),
        networks=(settings.stack_name,),
        user=own_user(settings),
        health_command=http_health("http://127.0.0.1:8010/"),
        port=8010,
        published_port=settings.of(NotesSettings).notes_port,
        volumes=((f"{settings.stack_name}_notes", "/notes"),),
        secrets=(own_secret(settings, "notes_key"),),
        depends_on=("redis",),
    )


def image(settings: Settings) -> Image:
    """Return its image."""
    return Image(
        name="notes", title="notes", dockerfile=DOCKERFILE, copies=reference("docs", "docs_server"),
        requirements=lock("docs"), command=("python", "-m", "docs_server"), port=8010,
        volume="/notes",
    )


def secrets(settings: Settings) -> tuple[dict[str, str], ...]:
    """Return what its pages are locked with."""
    return ({f"{settings.stack_name}_notes_key": "%s"},)


BUILT_IN = BuiltIn(
    name="notes", place=75, settings=NotesSettings,
    memory=MemoryDefaults(limit_mib=48, lowest_mib=16),
    service=service, image=image, dockerfile=DOCKERFILE, secrets=secrets,
)
