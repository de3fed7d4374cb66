"""The crawler: fetches the pages that it is told to into the library."""

from __future__ import annotations

from dataclasses import dataclass

from xnai.images.model import Image
from xnai.settings import checks
from xnai.settings.checks import LABEL
from xnai.settings.declaration import MemoryDefaults, setting
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

DOCKERFILE = "Dockerfile.crawl"

_domain = checks.pattern(
    rf"{LABEL}(\.{LABEL})*", "domains such as 'example.org': a-z 0-9 . -, without http://"
)
_private_place = checks.pattern(
    r"[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?|[0-9a-f:.]+/[0-9]{1,3}",
    "host, host:port or network/bits, such as 'wiki.home.arpa' or '192.168.1.0/24'",
)


@dataclass(frozen=True)
class CrawlerSettings:
    """What the crawler may reach."""

    crawler_allowed_domains: tuple[str, ...] = setting(
        [],
        checks.names(_domain),
        "Domains that the crawler may fetch from, subdomains included; by default none.",
    )
    crawler_allowed_private: tuple[str, ...] = setting(
        [],
        checks.names(_private_place),
        "Private places that it may reach all the same: names, host:port or networks. By "
        "default none, so that a link cannot lead it to a router or to the other services.",
    )


def service(settings: Settings) -> Service:
    """Return the crawler with these settings."""
    stack, own = settings.stack_name, settings.of(CrawlerSettings)
    return Service(
        name="crawler",
        container_name=f"{stack}_crawler",
        build="crawler",
        memory=memory(settings, "crawler"),
        networks=(settings.stack_name, data_network(settings)),
        user=own_user(settings),
        environment=(
            ("REDIS_HOST", "redis"),
            ("REDIS_PORT", "6379"),
            ("LIBRARY_DIR", "/library"),
            ("CRAWLER_ALLOWED_DOMAINS", ",".join(own.crawler_allowed_domains)),
            ("CRAWLER_ALLOWED_PRIVATE", ",".join(own.crawler_allowed_private)),
        ),
        health_command=heartbeat_health(),
        volumes=((f"{stack}_library", "/library"),),
        tmpfs=("/tmp",),  # noqa: S108
        secrets=(own_secret(settings, "redis_password"),),
        depends_on=("redis",),
    )


def image(settings: Settings) -> Image:
    """Return its image."""
    return Image(
        name="crawler",
        title="crawler",
        dockerfile=DOCKERFILE,
        copies=reference("crawler"),
        requirements=lock("crawler"),
        command=("python", "-m", "crawler"),
        volume="/library",
    )


BUILT_IN = BuiltIn(
    name="crawler",
    place=50,
    settings=CrawlerSettings,
    memory=MemoryDefaults(
        limit_mib=320,
        lowest_mib=256,
        reason="A hostile page is read in a child of at most 160 MiB, and what both need besides.",
    ),
    service=service,
    image=image,
    dockerfile=DOCKERFILE,
)
