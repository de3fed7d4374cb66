"""A checkout such as users have: written for Docker Compose, and not for this project."""

from __future__ import annotations

import subprocess
from pathlib import Path

# Three packages that are pure Python and one that needs a compiler: all come as source alone.
SOURCE_ONLY = ("cuid==0.4", "jsmin==3.0.1", "sgmllib3k==1.0.0", "netifaces==0.11.0")
WARNINGS = 50

COMPOSE = """\
services:
  redis:
    image: redis:8.0
    command: redis-server --requirepass "$REDIS_PASSWORD"
  rag:
    build: {context: ., dockerfile: infra/docker/Dockerfile.api}
    environment:
      REDIS_HOST: redis
      REDIS_PASSWORD: ${REDIS_PASSWORD}
      LOG_DIR: /app/.files
    healthcheck:
      test: ["CMD", "curl", "-f", "http://localhost:8000/health"]
      interval: 5s
      timeout: 10s
      retries: 4
  ui:
    build: {context: ., dockerfile: infra/docker/Dockerfile.ui}
    environment:
      API_URL: http://rag-service:8000/health
    healthcheck:
      test: ["CMD", "curl", "-f", "http://localhost:8001/"]
      interval: 5s
      retries: 4
  crawler:
    build: {context: ., dockerfile: infra/docker/Dockerfile.crawler}
    mem_limit: 96m
  worker:
    build: {context: ., dockerfile: infra/docker/Dockerfile.worker}
  docs:
    build: {context: ., dockerfile: infra/docker/Dockerfile.docs}
  proxy:
    image: caddy:2
"""

API = """\
import os, pathlib, socket
from http.server import BaseHTTPRequestHandler, HTTPServer

import cuid, jsmin, netifaces, sgmllib

from common.names import GREETING

log = pathlib.Path(os.environ["LOG_DIR"]) / "api.log"
log.parent.mkdir(exist_ok=True)
log.write_text(f"{cuid.cuid()} {netifaces.interfaces()}\\n")


def redis_answers():
    with socket.create_connection((os.environ["REDIS_HOST"], 6379), timeout=5) as redis:
        password = os.environ["REDIS_PASSWORD"].encode()
        redis.sendall(b"AUTH " + password + b"\\r\\nPING\\r\\n")
        said = b""
        while b"PONG" not in said and (more := redis.recv(99)):
            said += more
        return b"PONG" in said


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        well = redis_answers()
        self.send_response(200 if well else 503)
        self.end_headers()
        self.wfile.write(GREETING.encode())

    def log_message(self, *_):
        pass


HTTPServer(("0.0.0.0", 8000), Handler).serve_forever()
"""

UI = """\
import os, urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

import urllib3

pool = urllib3.PoolManager(retries=False)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            body = pool.request("GET", os.environ["API_URL"], timeout=5).data
            self.send_response(200)
        except Exception as error:
            print(repr(error), flush=True)
            body = b"no answer"
            self.send_response(502)
        self.end_headers()
        self.wfile.write(b"<p>" + body)

    def log_message(self, *_):
        pass


HTTPServer(("0.0.0.0", 8001), Handler).serve_forever()
"""

CRAWLER = """\
import time

from common import alive

kept = bytearray(290 << 20)
for place in range(0, len(kept), 4096):
    kept[place] = 1
while True:
    alive.say()
    time.sleep(5)
"""

ALIVE = """\
import pathlib, sys, time

FILE = pathlib.Path("/tmp/alive")


def say():
    FILE.write_text(str(time.time()))


if __name__ == "__main__":
    if not FILE.exists() or time.time() - float(FILE.read_text()) > 60:
        sys.exit("it has not said that it lives for 60 s")
"""

WORKER = """\
import time

import idna

from common import alive

while True:
    alive.say()
    time.sleep(5)
"""

DOCKERFILE = """\
FROM python:3.12-slim
WORKDIR /app
COPY requirements-{name}.txt ./
RUN pip install -r requirements-{name}.txt
COPY app/{name} ./{name}
COPY app/common ./common
CMD ["python", "-m", "{name}.main"]
"""


def write(root: Path) -> None:
    """Write it, as a git checkout with one commit."""
    files = {
        "docker-compose.yml": COMPOSE,
        # Its mirror is away: whoever reads this resolves nothing.
        "pyproject.toml": '[project]\nname = "omega"\nversion = "1"\n\n[[tool.uv.index]]\n'
        'url = "https://mirror.invalid/simple"\ndefault = true\n',
        "shared/names.py": 'GREETING = "one"\n',
        "app/api/main.py": API, "app/ui/main.py": UI, "app/crawler/main.py": CRAWLER,
        "app/worker/main.py": WORKER, "app/common/__init__.py": "",
        "app/common/alive.py": ALIVE,
        # No hashes, as people have them.
        "requirements-api.txt": "".join(f"{one}\n" for one in SOURCE_ONLY),
        "requirements-ui.txt": "urllib3==2.5.0\n",
        "requirements-crawler.txt": "idna==3.10\n",
        "requirements-worker.txt": "idna==3.10\n",
        "mkdocs.yml": "site_name: omega\n",
        "docs/index.md": "# Omega\n",
        "infra/docker/Dockerfile.docs": "FROM python:3.12-slim\nWORKDIR /site\n"
        "RUN pip install mkdocs==1.6.1\nCOPY mkdocs.yml ./mkdocs.yml\nCOPY docs ./docs\n"
        'CMD ["mkdocs", "serve"]\n',
    }
    for name in ("api", "ui", "crawler", "worker"):
        files[f"infra/docker/Dockerfile.{name}"] = DOCKERFILE.format(name=name)
    for number in range(WARNINGS):
        files[f"docs/page-{number}.md"] = f"[gone](no-such-page-{number}.md)\n"
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    (root / "app/common/names.py").symlink_to("../../shared/names.py")
    (root / "docs/changes.md").symlink_to("index.md")
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-qm", "all")


def git(root: Path, *words: str) -> None:
    """Run git there."""
    subprocess.run(["git", "-C", str(root), *words], check=True, capture_output=True)
