"""Asking Redis in its container, with its password in the environment of redis-cli alone."""

from __future__ import annotations

REDIS = (
    "xnai-podman exec xnai_redis sh -c "
    "'REDISCLI_AUTH=$(cat /run/secrets/redis_password) exec redis-cli %s'"
)
"""A command on the machine; %s stands for redis-cli's words."""


def redis(machine, words: str) -> str:
    """What redis-cli says."""
    return machine.run(REDIS % words).stdout.strip()
