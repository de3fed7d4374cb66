"""The worker's settings, from its environment and secrets."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from service_common import env, secret

# A read waits this long for an entry; SIGTERM is heard after it.
BLOCK_MS = 2000
_SOCKET_TIMEOUT_S = 15


@dataclass(frozen=True)
class Settings:
    """Checked settings.

    Attributes:
        library: directory of the library.
        api_url: of the RAG API.
        token: its bearer token for /ingest.
        name: of this consumer.
        reclaim_idle_s: an entry that another worker took so long ago is taken from it.
        max_deliveries: an entry that cannot be ingested is given up after so many.
    """

    library: Path
    api_url: str
    token: str = field(repr=False)
    name: str
    reclaim_idle_s: int
    max_deliveries: int


def read() -> Settings:
    """Return the settings.

    Raises:
        SystemExit: one is wrong, or the token is missing.
    """
    token = secret.read("ingest_token")
    if token is None:
        raise SystemExit(
            "secret ingest_token: is missing or empty; it must be the one that the RAG API has; "
            "see `secrets` in docker-compose.yml"
        )
    return Settings(
        library=Path(env.text("LIBRARY_DIR", "/library")),
        api_url=env.text("RAG_API_URL", "http://rag_api:8000").rstrip("/"),
        token=token,
        # A container that is made anew has another host name, and gets what its predecessor had
        # in hand as any other worker does: after reclaim_idle_s.
        name=env.text("CURATION_NAME", socket.gethostname()),
        reclaim_idle_s=env.integer("CURATION_RECLAIM_IDLE_S", 60, 1, 86_400),
        max_deliveries=env.integer("CURATION_MAX_DELIVERIES", 3, 1, 100),
    )


def connect() -> Redis:
    """Return a client that tries each command once.

    A command whose answer got lost may have been carried out: the entry is looked at again
    instead of sending the same command twice.
    """
    return Redis(
        host=env.text("REDIS_HOST", "redis"),
        port=env.integer("REDIS_PORT", 6379, 1, 65535),
        password=secret.read("redis_password"),
        decode_responses=True,
        socket_connect_timeout=5,
        socket_timeout=_SOCKET_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )
