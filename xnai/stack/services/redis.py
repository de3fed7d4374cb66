"""Redis: the crawler's and the worker's queue, and the RAG API's cache of answers."""

from __future__ import annotations

from dataclasses import dataclass

from xnai.settings import checks
from xnai.settings.declaration import MOST_MIB, MemoryDefaults, setting
from xnai.settings.model import Settings
from xnai.stack.model import BuiltIn, SecretFile, Service
from xnai.stack.shared import SAVING_STOP_TIMEOUT_S, data_network, memory

# UID and GID of the user `redis` in the official image (Debian variant) since 3.2: it creates
# them before anything else "so their IDs get assigned consistently".
UID = 999
GID = 999


@dataclass(frozen=True)
class RedisSettings:
    """Redis' own settings."""

    redis_image: str = setting(
        "docker.io/library/redis:8.0",
        checks.debian_image,
        "Fully qualified, with a full tag and optionally a digest; see base_image.",
    )
    redis_port: int = setting(6379, checks.port, switch="redis_publish_loopback")
    redis_publish_loopback: bool = setting(
        False,
        checks.boolean,
        "True publishes Redis on 127.0.0.1 of the host; by default only the stack's network "
        "reaches it.",
    )
    redis_maxmemory_mib: int | None = setting(
        None,
        checks.optional(checks.integer(1, MOST_MIB)),
        "From which size of its data on it refuses writes, or evicts keys. None: half of "
        "redis_memory_limit_mib, which leaves room for a background save in the worst case.",
        below="redis_memory_limit_mib",
    )
    redis_maxmemory_policy: str = setting(
        "noeviction",
        checks.choice(
            "noeviction", "allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru",
            "volatile-lfu", "volatile-random", "volatile-ttl",
        ),
        "What it does then. The stack's queues must not be evicted: anything but noeviction and "
        "volatile-* may lose documents that wait for the worker.",
    )


def service(settings: Settings) -> Service:
    """Return Redis with these settings."""
    stack, own = settings.stack_name, settings.of(RedisSettings)
    return Service(
        name="redis",
        stop_timeout_s=SAVING_STOP_TIMEOUT_S,
        container_name=f"{stack}_redis",
        image=own.redis_image,
        memory=memory(settings, "redis"),
        networks=(
            data_network(settings),
            # An internal network publishes nothing.
            *((stack,) if own.redis_publish_loopback else ()),
        ),
        user=f"{UID}:{GID}",
        command=(
            "redis-server",
            "/run/secrets/redis_auth.conf",
            "--dir", "/data",
            "--save", "60", "1",
            # A background save copies the pages that are written meanwhile: half the limit
            # leaves room for the worst case.
            "--maxmemory",
            f"{own.redis_maxmemory_mib or settings.memory['redis'].limit_mib // 2}mb",
            "--maxmemory-policy", own.redis_maxmemory_policy,
        ),
        # The password goes through the environment of redis-cli alone, never into its argv.
        health_command=(
            "sh", "-c",
            # Backquotes: a dollar sign would be Compose's own.
            "REDISCLI_AUTH=`cat /run/secrets/redis_password` redis-cli ping | grep -qx PONG",
        ),
        port=6379,
        published_port=own.redis_port if own.redis_publish_loopback else None,
        publish_setting="redis_publish_loopback",
        volumes=((f"{stack}_redis_data", "/data"),),
        secrets=(
            SecretFile(f"{stack}_redis_auth_conf", "redis_auth.conf", UID, GID),
            SecretFile(f"{stack}_redis_password", "redis_password", UID, GID),
        ),
        store="redis",
    )


def secrets(settings: Settings) -> tuple[dict[str, str], ...]:
    """Return its password, in the two forms that it and its clients read."""
    stack = settings.stack_name
    return ({f"{stack}_redis_password": "%s", f"{stack}_redis_auth_conf": "requirepass %s\\n"},)


BUILT_IN = BuiltIn(
    name="redis",
    place=10,
    settings=RedisSettings,
    memory=MemoryDefaults(limit_mib=256, lowest_mib=32, protected=True),
    service=service,
    secrets=secrets,
)
