"""The HTTP interface."""

from __future__ import annotations

import os
from pathlib import Path

from fastapi import FastAPI, Response
from redis.asyncio import Redis
from redis.exceptions import RedisError

PASSWORD_FILE = Path("/run/secrets/redis_password")

app = FastAPI(title="RAG API")
_redis = Redis(
    host=os.environ.get("REDIS_HOST", "redis"),
    port=int(os.environ.get("REDIS_PORT", "6379")),
    password=PASSWORD_FILE.read_text("utf-8").strip() if PASSWORD_FILE.exists() else None,
    socket_connect_timeout=2,
    socket_timeout=2,
)


@app.get("/health")
async def health(response: Response) -> dict[str, str]:
    """Say whether the service can do its work: Redis answers a PING."""
    try:
        await _redis.ping()
    except (RedisError, OSError) as error:
        response.status_code = 503
        return {"status": "unhealthy", "redis": f"{type(error).__name__}: {error}"}
    return {"status": "healthy", "redis": "PONG"}
