"""The service's settings, from its environment and secrets."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from service_common import env, secret

HOSTS_SETTING = "RAG_ALLOWED_HOSTS"
ORIGINS_SETTING = "RAG_ALLOWED_ORIGINS"
BODY_SETTING = "RAG_MAX_BODY_KIB"
FILE_SETTING = "RAG_MAX_FILE_MIB"


@dataclass(frozen=True)
class Settings:
    """Every setting; names and defaults in `load`.

    Attributes:
        allowed_hosts: Host headers that are answered; see service_common.guard.
        allowed_origins: Origin headers that are answered.
        data_dir: the volume of the index.
        max_body_bytes: the longest request body.
        max_file_bytes: the longest file.
        ingest_token: the bearer token of /ingest; None: /ingest is off.
        redis_host, redis_port, redis_password: the cache of answers.
        cache_ttl_s: how long an answer is kept; 0: not at all.
        with_model: whether the model is asked, after the passages' own sentences.
        llm_url: an OpenAI-compatible endpoint up to and with /v1; empty: passages only.
        llm_model: the model's name as that endpoint knows it.
        llm_api_key: sent as a bearer token.
        llm_context_tokens: what prompt and answer may take together.
        llm_answer_tokens: what the answer may take.
        llm_silence_s: how long the endpoint may send nothing.
        llm_total_s: how long an answer may take.
    """

    allowed_hosts: frozenset[str]
    allowed_origins: frozenset[str]
    data_dir: Path
    max_body_bytes: int
    max_file_bytes: int
    ingest_token: str | None = field(repr=False)
    redis_host: str
    redis_port: int
    redis_password: str | None = field(repr=False)
    cache_ttl_s: int
    with_model: bool
    llm_url: str
    llm_model: str
    llm_api_key: str | None = field(repr=False)
    llm_context_tokens: int
    llm_answer_tokens: int
    llm_silence_s: int
    llm_total_s: int


def max_file_bytes() -> int:
    """Return how long a file may be, in bytes."""
    return env.integer(FILE_SETTING, 32, 1, 1024) << 20


def most_unpacked_bytes() -> int:
    """Return what an Office file may unpack to, in bytes."""
    return env.integer("RAG_MAX_UNPACKED_MIB", 256, 1, 4096) << 20


def load() -> Settings:
    """Return the settings.

    Raises:
        SystemExit: one is wrong; with the sentence that says which.
    """
    context_tokens = env.integer("LLM_CONTEXT_TOKENS", 2048, 256, 1 << 20)
    llm_url = env.text("LLM_URL", "").rstrip("/")
    if llm_url and not llm_url.startswith(("http://", "https://")):
        raise SystemExit(
            f"LLM_URL = {llm_url!r}: allowed an address that begins with http:// or https:// and "
            "usually ends with /v1, or nothing; set in the container's environment"
        )
    return Settings(
        allowed_hosts=env.listed(HOSTS_SETTING, "127.0.0.1,localhost,[::1],rag_api"),
        allowed_origins=env.listed(ORIGINS_SETTING),
        data_dir=Path(env.text("RAG_DATA_DIR", "/data")),
        max_body_bytes=env.integer(BODY_SETTING, 4096, 1, 1 << 20) * 1024,
        max_file_bytes=max_file_bytes(),
        ingest_token=secret.read("ingest_token"),
        redis_host=env.text("REDIS_HOST", "redis"),
        redis_port=env.integer("REDIS_PORT", 6379, 1, 65535),
        redis_password=secret.read("redis_password"),
        cache_ttl_s=env.integer("RAG_CACHE_TTL_S", 86400, 0, 31_536_000),
        with_model=env.choice("RAG_ANSWERS", "both", ("both", "extract")) == "both",
        llm_url=llm_url,
        llm_model=env.text("LLM_MODEL", "local"),
        llm_api_key=secret.read("llm_api_key"),
        llm_context_tokens=context_tokens,
        # At least half of the context is for the question and its passages.
        llm_answer_tokens=env.integer(
            "LLM_ANSWER_TOKENS", min(256, context_tokens // 2), 16, context_tokens // 2
        ),
        llm_silence_s=env.integer("LLM_SILENCE_TIMEOUT_S", 60, 1, 3600),
        llm_total_s=env.integer("LLM_TOTAL_TIMEOUT_S", 300, 1, 86400),
    )
