"""The page's settings, from its environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from service_common import env, secret

HOSTS = "UI_ALLOWED_HOSTS"
ORIGINS = "UI_ALLOWED_ORIGINS"


@dataclass(frozen=True)
class Settings:
    """Checked settings.

    Attributes:
        rag_api_url: where the RAG API is, without a slash at the end.
        rag_api_container: what its logs are under, for messages.
        timeout_s: longest silence of the RAG API, s. A model on a CPU thinks for a while before
            its first word.
        top_k: passages to ask for.
        hosts: allowed Host headers.
        origins: allowed Origin headers.
        directory: the only place that is written to; made anew at each start.
        ingest_token: what the RAG API asks of whoever brings files; None: this page cannot.
        max_file_mib: how long a file may be, in MiB.
    """

    rag_api_url: str
    rag_api_container: str
    timeout_s: int
    top_k: int
    hosts: frozenset[str]
    origins: frozenset[str]
    directory: Path
    ingest_token: str | None = field(repr=False)
    max_file_mib: int


def read() -> Settings:
    """Return the settings.

    Raises:
        SystemExit: one is wrong.
    """
    url = env.text("RAG_API_URL", "http://rag_api:8000").rstrip("/")
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise SystemExit(f"RAG_API_URL = {url!r}: allowed are http://HOST:PORT and https://…")
    return Settings(
        rag_api_url=url,
        rag_api_container=env.text("RAG_API_CONTAINER", "xnai_rag_api"),
        timeout_s=env.integer("UI_TIMEOUT_S", 120, 1, 3600),
        top_k=env.integer("UI_TOP_K", 4, 1, 20),
        hosts=env.listed(HOSTS, "127.0.0.1,localhost"),
        origins=env.listed(ORIGINS, "http://127.0.0.1:8001,http://localhost:8001"),
        directory=Path(env.text("UI_DIRECTORY", "/tmp/chainlit_ui")),
        ingest_token=secret.read("ingest_token"),
        max_file_mib=env.integer("UI_MAX_FILE_MIB", 32, 1, 1024),
    )
