"""The crawler's settings, from its environment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from service_common import env, secret
from service_common.apart import Limits

from crawler.allow import DOMAINS, PRIVATE, Allow

# A read waits this long for a job; a socket that is silent for longer is dead.
BLOCK_MS = 5000
_SOCKET_TIMEOUT_S = 15


@dataclass(frozen=True)
class Settings:
    """Checked settings.

    Attributes:
        allow: where it may go (CRAWLER_ALLOWED_DOMAINS, CRAWLER_ALLOWED_PRIVATE).
        user_agent: what it calls itself; robots.txt is asked for the part before the slash.
        max_bytes: largest page, unpacked.
        page: what reading one page may take.
        timeout_s: longest request, s.
        delay_s: pause between two pages of a host, s; robots.txt can ask for more.
        max_delay_s: longest pause that is granted; a site that asks for more is not fetched.
        reclaim_idle_s: a job that another crawler took so long ago is taken from it.
        max_attempts: a job that ended the crawler so often is given up.
        name: of this consumer; a name that stays finds its own jobs again after a restart.
        library: directory of the library.
    """

    allow: Allow
    user_agent: str
    max_bytes: int
    page: Limits
    timeout_s: int
    delay_s: int
    max_delay_s: int
    reclaim_idle_s: int
    max_attempts: int
    name: str
    library: Path


def read() -> Settings:
    """Return the settings.

    Raises:
        SystemExit: one is wrong.
    """
    return Settings(
        allow=allowed(),
        user_agent=env.text("CRAWLER_USER_AGENT", "xnai-crawler/1.0"),
        max_bytes=env.integer("CRAWLER_MAX_BYTES", 2_000_000, 1_000, 100_000_000),
        # 160 MiB and the crawler's own 50 fit into a container of 256 MiB.
        page=Limits(
            env.integer("CRAWLER_PAGE_CPU_S", 10, 1, 600),
            env.integer("CRAWLER_PAGE_MIB", 160, 16, 100_000),
        ),
        timeout_s=env.integer("CRAWLER_TIMEOUT_S", 30, 1, 300),
        delay_s=env.integer("CRAWLER_DELAY_S", 2, 0, 3600),
        max_delay_s=env.integer("CRAWLER_MAX_DELAY_S", 60, 1, 3600),
        reclaim_idle_s=env.integer("CRAWLER_RECLAIM_IDLE_S", 900, 1, 86_400),
        max_attempts=env.integer("CRAWLER_MAX_ATTEMPTS", 5, 1, 100),
        name=env.text("CRAWLER_NAME", "crawler"),
        library=Path(env.text("LIBRARY_DIR", "/library")),
    )


def allowed() -> Allow:
    """Return the two lists of where the crawler may go."""
    return Allow.of(env.listed(DOMAINS), env.listed(PRIVATE))


def connect() -> Redis:
    """Return a client that tries each command once.

    A transaction whose answer got lost may have been carried out: the job is looked at again
    instead of sending the same transaction twice.
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
