"""A group_data file for a checkout that is laid out as app/, requirements/, infra/docker/.

Copy it to group_data/workstations.py and change the paths. The checkout here:

    /home/me/omega/
        app/api/main.py             FastAPI application, `app` in it
        app/ui/main.py              Chainlit's chat profile
        app/config.toml
        requirements/api.txt        locks with hashes, see docs/own-tree.md
        requirements/ui.txt
        infra/docker/               the Dockerfiles of old; they are not used
        .env                        never sent, tracked or not
"""

__all__ = ["rag_api_memory_limit_mib", "service_sources"]

_CHECKOUT = "/home/me/omega"

service_sources = {
    "rag_api": {
        "context": _CHECKOUT,
        # Path in the checkout -> path below /app in the image.
        "copy": {"app/api": "api", "app/config.toml": "config.toml"},
        "requirements": "requirements/api.txt",
        "command": ["uvicorn", "api.main:app", "--host", "0.0.0.0", "--port", "8000"],
        "environment": {"CONFIG_FILE": "/app/config.toml", "LOG_LEVEL": "info"},
        "health_command": ["python", "-m", "service_common.http_health", "http://127.0.0.1:8000/"],
        "apt_packages": ["libgomp1"],
    },
    "chainlit_ui": {
        "context": _CHECKOUT,
        "copy": {"app/ui": "ui"},
        "requirements": "requirements/ui.txt",
        "command": ["chainlit", "run", "ui/main.py", "--headless", "--host", "0.0.0.0",
                    "--port", "8001"],
        "health_command": ["python", "-m", "service_common.http_health", "http://127.0.0.1:8001/"],
    },
}

# The own RAG API keeps a larger model in memory.
rag_api_memory_limit_mib = 2048
