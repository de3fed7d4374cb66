"""Settings of the stack's own images: what they are made of, and where they may be copied from."""

from __future__ import annotations

import re
from dataclasses import dataclass

from xnai.settings import checks
from xnai.settings.checks_containers import own_secrets
from xnai.settings.checks_sources import Source, service_sources
from xnai.settings.declaration import MOST_MIB, OfServices, setting

# skopeo's transport, and one of ours without TLS.
_REGISTRY = re.compile(
    r"docker(\+http)?://"
    r"([a-z0-9-]+(\.[a-z0-9-]+)*)(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*",
    re.ASCII,
)


def image_source(value: object) -> str:
    """Check for a directory on the controller, a registry, or the word for neither."""
    words = (
        'an absolute path on the controller of letters, digits and . _ / + -; or '
        'docker://registry/path (docker+http:// without TLS); or "build"'
    )
    if not isinstance(value, str):
        raise checks.Refused(words)
    if value == "build" or _REGISTRY.fullmatch(value):
        return value
    try:
        return checks.host_path(value)
    except checks.Refused:
        raise checks.Refused(words) from None


@dataclass(frozen=True, kw_only=True)
class ImageSettings:
    """What images are built from, and whether one that exists elsewhere is copied instead."""

    base_image: str = setting(
        "docker.io/library/python:3.12-slim",
        checks.python_image,
        "Fully qualified, with a full tag and optionally a digest (`make pin` writes it): a "
        "short name would be looked up in whatever registry the host happens to search first. "
        "The base must carry Python 3.11, 3.12 or 3.13, for which the services' requirements "
        "are locked.",
        section="images",
    )
    container_uid: int = setting(
        10001,
        # Inside the 65,536 IDs that a rootless user gets in /etc/subuid, and not root.
        checks.integer(1, 65000),
        "The user inside our own images: one for all, so that volumes can be shared.",
    )
    container_gid: int = setting(
        10001,
        checks.integer(1, 65000),
    )
    service_sources: dict[str, Source] = setting(
        {},
        OfServices(lambda known: service_sources([s.name for s in known if s.has_own_tree])),
        "Services that are made of the user's own tree instead of files/services: name -> "
        "context, copy, requirements and more; docs/own-tree.md has a complete example.",
    )
    own_secrets: dict[str, str | None] = setting(
        {},
        own_secrets,
        "Secrets for service_sources beside the stack's own: name -> None for a random value that "
        "is made on the host, or the absolute path of a file on this machine that holds the value "
        "and that nobody else may read. docs/own-tree.md.",
    )
    image_source: str | None = setting(
        None,
        checks.optional(image_source),
        "Where an image is copied from in place of being built, if it is there with the same "
        "content, and to where a built one is copied: an absolute path (a directory on the "
        "controller), or a registry as docker://registry.lan/stack (docker+http:// without TLS). "
        "None: from the other hosts of the same run. \"build\": each host builds its own. "
        "docs/images.md says what is trusted.",
    )
    context_max_mib: int = setting(
        20,
        checks.integer(1, 10240),
        "A file of such a tree above this size is refused by name: it is data, not code.",
    )
    build_cache_max_mib: int = setting(
        2048,
        checks.integer(64, MOST_MIB),
        "What builds keep to be faster next time (uv's and apt's caches on the host) is dropped "
        "when it grows past this.",
    )
