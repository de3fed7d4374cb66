"""The services of the stack, in dependency order, and the secrets that they share."""

from __future__ import annotations

import dataclasses

from xnai.catalogue import vikunja
from xnai.catalogue.model import SecretFile, Service
from xnai.catalogue.shared import (
    SAVING_STOP_TIMEOUT_S,
    data_network,
    http_health,
    memory,
    own_secret,
    own_user,
)
from xnai.settings.model import Settings

# UID and GID of the user `redis` in the official image (Debian variant) since 3.2: it creates
# them before anything else "so their IDs get assigned consistently".
REDIS_UID = 999
REDIS_GID = 999

# The parts of the stack: docker-compose.yml, docker-compose.vikunja.yml.
PARTS = ("", vikunja.PART)

# Where a larger model's file appears in its container.
_MODEL_PATH = "/models/model.gguf"


def services(settings: Settings) -> tuple[Service, ...]:
    """Return the services, each after those that it depends on."""
    found = [_redis(settings)]
    if settings.llm_endpoint_url is None:
        found.append(_llm(settings))
    found += [
        _rag_api(settings), _chainlit_ui(settings), _crawler(settings),
        _curation_worker(settings), _docs(settings),
    ]
    if settings.vikunja:
        found += vikunja.services(settings)
    return tuple(_from_own_tree(service, settings) for service in found)


def secret_forms(settings: Settings) -> tuple[dict[str, str], ...]:
    """Return the secrets to generate: for each random value its Podman secrets, name -> format.

    A format is printf's, with one %s for the value.
    """
    stack = settings.stack_name
    return (
        {f"{stack}_redis_password": "%s", f"{stack}_redis_auth_conf": "requirepass %s\\n"},
        {f"{stack}_ingest_token": "%s"},
        {f"{stack}_chainlit_auth_secret": "%s"},
        *(vikunja.secret_forms(settings) if settings.vikunja else ()),
    )


def _from_own_tree(service: Service, settings: Settings) -> Service:
    """Return the service with what the settings say of the user's own tree, if anything."""
    source = settings.service_sources.get(service.name)
    if source is None:
        return service
    environment = dict(service.environment) | dict(source.environment)
    return dataclasses.replace(
        service,
        environment=tuple(environment.items()),
        health_command=source.health_command or service.health_command,
    )


def _names(settings: Settings, container_port: int, published_port: int, service: str = "") -> str:
    """The Host values that a page answers to: the browser's, the health check's, neighbours'."""
    hosts = [f"{name}:{published_port}" for name in settings.browser_hosts]
    hosts += [f"127.0.0.1:{container_port}"]
    hosts += [f"{service}:{container_port}"] if service else []
    return ",".join(dict.fromkeys(hosts))


def _origins(settings: Settings, *ports: int) -> str:
    return ",".join(f"http://{name}:{port}" for port in ports for name in settings.browser_hosts)


def _redis(settings: Settings) -> Service:
    stack = settings.stack_name
    return Service(
        name="redis",
        stop_timeout_s=SAVING_STOP_TIMEOUT_S,
        container_name=f"{stack}_redis",
        image=settings.redis_image,
        memory=memory(settings, "redis"),
        networks=(
            data_network(settings),
            # An internal network publishes nothing.
            *((stack,) if settings.redis_publish_loopback else ()),
        ),
        user=f"{REDIS_UID}:{REDIS_GID}",
        command=(
            "redis-server",
            "/run/secrets/redis_auth.conf",
            "--dir", "/data",
            "--save", "60", "1",
            # A background save copies the pages that are written meanwhile: half the limit
            # leaves room for the worst case.
            "--maxmemory", f"{settings.redis_memory_limit_mib // 2}mb",
            "--maxmemory-policy", "noeviction",
        ),
        # The password goes through the environment of redis-cli alone, never into its argv.
        health_command=(
            "sh", "-c",
            # Backquotes: a dollar sign would be Compose's own.
            "REDISCLI_AUTH=`cat /run/secrets/redis_password` redis-cli ping | grep -qx PONG",
        ),
        port=6379,
        published_port=settings.redis_port if settings.redis_publish_loopback else None,
        publish_setting="redis_publish_loopback",
        volumes=((f"{stack}_redis_data", "/data"),),
        secrets=(
            SecretFile(f"{stack}_redis_auth_conf", "redis_auth.conf", REDIS_UID, REDIS_GID),
            SecretFile(f"{stack}_redis_password", "redis_password", REDIS_UID, REDIS_GID),
        ),
    )


def _llm(settings: Settings) -> Service:
    file = settings.llm_model_file
    model = (("LLM_MODEL_FILE", _MODEL_PATH),) if file else ()
    return Service(
        name="llm",
        container_name=f"{settings.stack_name}_llm",
        build="llm",
        memory=memory(settings, "llm"),
        networks=(settings.stack_name,),
        user=own_user(settings),
        environment=(
            ("LLM_THREADS", str(settings.llm_threads)),
            ("LLM_CONTEXT_TOKENS", str(settings.llm_context_tokens)),
            *model,
        ),
        health_command=http_health("http://127.0.0.1:8080/health"),
        port=8080,
        binds=((file, _MODEL_PATH),) if file else (),
        tmpfs=("/tmp",),  # noqa: S108  (paths inside containers)
    )


def _rag_api(settings: Settings) -> Service:
    own = settings.llm_endpoint_url is None
    return Service(
        name="rag_api",
        container_name=f"{settings.stack_name}_rag_api",
        build="rag_api",
        memory=memory(settings, "rag_api"),
        networks=(settings.stack_name, data_network(settings)),
        user=own_user(settings),
        environment=(
            ("REDIS_HOST", "redis"),
            ("REDIS_PORT", "6379"),
            ("RAG_DATA_DIR", "/data"),
            ("RAG_ALLOWED_HOSTS", _names(settings, 8000, settings.rag_api_port, "rag_api")),
            ("RAG_ALLOWED_ORIGINS", _origins(settings, settings.rag_api_port)),
            ("LLM_URL", "http://llm:8080/v1" if own else settings.llm_endpoint_url or ""),
            ("LLM_MODEL", settings.llm_model_name),
            ("LLM_CONTEXT_TOKENS", str(settings.llm_context_tokens)),
        ),
        health_command=http_health("http://127.0.0.1:8000/ready"),
        port=8000,
        published_port=settings.rag_api_port,
        volumes=((f"{settings.stack_name}_rag_index", "/data"),),
        tmpfs=("/tmp",),  # noqa: S108
        secrets=(own_secret(settings, "redis_password"), own_secret(settings, "ingest_token")),
        # Not on llm: without a model the passages are the answer.
        depends_on=("redis",),
        url_path="/ready",
    )


def _chainlit_ui(settings: Settings) -> Service:
    return Service(
        name="chainlit_ui",
        container_name=f"{settings.stack_name}_chainlit_ui",
        build="chainlit_ui",
        memory=memory(settings, "chainlit_ui"),
        networks=(settings.stack_name,),
        user=own_user(settings),
        environment=(
            ("RAG_API_URL", "http://rag_api:8000"),
            ("RAG_API_CONTAINER", f"{settings.stack_name}_rag_api"),
            ("UI_ALLOWED_HOSTS", _names(settings, 8001, settings.chainlit_ui_port)),
            ("UI_ALLOWED_ORIGINS", _origins(settings, settings.chainlit_ui_port)),
        ),
        health_command=http_health("http://127.0.0.1:8001/health"),
        port=8001,
        published_port=settings.chainlit_ui_port,
        tmpfs=("/tmp",),  # noqa: S108
        secrets=(own_secret(settings, "chainlit_auth_secret"),),
        # Not on rag_api: the page says that the API is down better than no page does.
        url_path="/",
    )


def _crawler(settings: Settings) -> Service:
    stack = settings.stack_name
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
            ("CRAWLER_ALLOWED_DOMAINS", ",".join(settings.crawler_allowed_domains)),
            ("CRAWLER_ALLOWED_PRIVATE", ",".join(settings.crawler_allowed_private)),
        ),
        health_command=("python", "-m", "service_common.heartbeat", "--max-age-s", "120"),
        volumes=((f"{stack}_library", "/library"),),
        tmpfs=("/tmp",),  # noqa: S108
        secrets=(own_secret(settings, "redis_password"),),
        depends_on=("redis",),
    )


def _curation_worker(settings: Settings) -> Service:
    stack = settings.stack_name
    return Service(
        name="curation_worker",
        container_name=f"{stack}_curation_worker",
        build="curation_worker",
        memory=memory(settings, "curation_worker"),
        networks=(settings.stack_name, data_network(settings)),
        user=own_user(settings),
        environment=(
            ("REDIS_HOST", "redis"),
            ("REDIS_PORT", "6379"),
            ("LIBRARY_DIR", "/library"),
            ("RAG_API_URL", "http://rag_api:8000"),
        ),
        health_command=("python", "-m", "service_common.heartbeat", "--max-age-s", "120"),
        volumes=((f"{stack}_library", "/library"),),
        tmpfs=("/tmp",),  # noqa: S108
        secrets=(own_secret(settings, "redis_password"), own_secret(settings, "ingest_token")),
        depends_on=("redis", "rag_api"),
    )


def _docs(settings: Settings) -> Service:
    return Service(
        name="docs",
        container_name=f"{settings.stack_name}_docs",
        build="docs",
        memory=memory(settings, "docs"),
        networks=(settings.stack_name,),
        user=own_user(settings),
        environment=(("DOCS_ALLOWED_HOSTS", _names(settings, 8002, settings.docs_port)),),
        health_command=http_health("http://127.0.0.1:8002/"),
        port=8002,
        published_port=settings.docs_port,
        tmpfs=("/tmp",),  # noqa: S108
        url_path="/",
    )
