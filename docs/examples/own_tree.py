"""A group_data file for a checkout that was written for Docker Compose.

What `xnai sources /home/me/omega > group_data/workstations.py` printed, and what `xnai lock` and
the first deploys said was to be added. A drill (`make drill`) goes the same way.
"""

__all__ = ["crawler_memory_limit_mib", "service_sources"]

_CHECKOUT = "/home/me/omega"
# Where `xnai lock` lays what it makes.
_LOCKS = "/home/me/xnai/group_data/locks"

# It writes down that it lives, and this looks whether that was long ago.
_ALIVE = {
    "command": ["python", "-m", "common.alive"], "interval_s": 5, "retries": 3,
    "start_period_s": 20,
}

service_sources = {
    "rag_api": {
        "context": _CHECKOUT,
        # Path in the checkout -> path below /app in the image.
        "copy": {"app/api": "api", "app/common": "common"},
        # xnai lock rag_api=/home/me/omega/requirements-api.txt --with-sources
        "requirements": f"{_LOCKS}/rag_api.txt",
        "source_packages": ["cuid==0.4", "jsmin==3.0.1", "netifaces==0.11.0", "sgmllib3k==1.0.0"],
        "build_apt_packages": ["gcc", "libc6-dev"],
        "command": ["python", "-m", "api.main"],
        "environment": {"REDIS_HOST": "redis", "LOG_DIR": "/app/.files"},
        # Its code wants the password as a variable; it is the stack's own secret.
        "environment_secrets": {"REDIS_PASSWORD": "redis_password"},
        "health": {
            "url": "http://127.0.0.1:8000/health", "interval_s": 5, "timeout_s": 10, "retries": 4,
        },
        # Names that other services have written into their code.
        "aliases": ["rag", "rag-service"],
        # The only place below /app that it may write.
        "tmpfs": ["/app/.files"],
    },
    "chainlit_ui": {
        "context": _CHECKOUT,
        "copy": {"app/ui": "ui", "app/common": "common"},
        "requirements": f"{_LOCKS}/chainlit_ui.txt",
        "command": ["python", "-m", "ui.main"],
        "environment": {"API_URL": "http://rag-service:8000/health"},
        "health": {"url": "http://127.0.0.1:8001/", "interval_s": 5, "retries": 4},
        "aliases": ["ui"],
    },
    "crawler": {
        "context": _CHECKOUT,
        "copy": {"app/crawler": "crawler", "app/common": "common"},
        "requirements": f"{_LOCKS}/crawler.txt",
        "command": ["python", "-m", "crawler.main"],
        "health": _ALIVE,
    },
    "curation_worker": {
        "context": _CHECKOUT,
        "copy": {"app/worker": "worker", "app/common": "common"},
        "requirements": f"{_LOCKS}/curation_worker.txt",
        "command": ["python", "-m", "worker.main"],
        "health": _ALIVE,
        "aliases": ["worker"],
    },
    "docs": {
        "context": _CHECKOUT,
        "copy": {"mkdocs.yml": "mkdocs.yml", "docs": "docs"},
        # xnai lock docs --package mkdocs==1.6.1
        "requirements": f"{_LOCKS}/docs.txt",
        # Its pages have broken links that are to be mended later.
        "strict": False,
    },
}

# The kernel killed it at the limit that it had before.
crawler_memory_limit_mib = 640
