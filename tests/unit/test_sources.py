"""Settings to start from, read out of a checkout, as the settings' own checks take them."""

from __future__ import annotations

import ast
import runpy

import pytest
from click.testing import CliRunner
from unit_settings import problems

from xnai.cli.command import main
from xnai.sources.read import NoCompose, read
from xnai.sources.render import rendered

SECRET = "hunter2-of-the-test"  # noqa: S105
COMPOSE = f"""
services:
  redis:
    image: redis:7
  rag:
    build: {{context: ., dockerfile: docker/Dockerfile.api}}
    container_name: my_rag
    environment:
      REDIS_PASSWORD: {SECRET}
      OPENAI_API_KEY: {SECRET}
      DATABASE_URL: postgres://me:{SECRET}@db/x
      LOG_LEVEL: info
      FROM_OUTSIDE: ${{WHERE}}
    volumes:
      - ./app:/app
      - index:/app/index
      - /srv/models:/models:ro
      - ./data:/app/data
    mem_limit: 2g
    cpus: 1.5
    tmpfs: /app/.files
    healthcheck:
      test: ["CMD-SHELL", "curl -f http://localhost:8000/health || exit 1"]
      interval: 1m30s
      timeout: 10s
      retries: 5
    restart: unless-stopped
    gpus: all
    networks: {{default: {{aliases: [rag-api]}}}}
  ui:
    build: {{context: ., dockerfile: docker/Dockerfile.ui}}
    deploy: {{resources: {{limits: {{memory: 512M}}}}, replicas: 2}}
    command: chainlit run ui.py --host 0.0.0.0
  web:
    build: {{context: web}}
  consul:
    image: hashicorp/consul
volumes: {{index: {{}}}}
"""
API = """
FROM python:3.12-slim AS build
COPY requirements-api.txt /tmp/
RUN pip install -r /tmp/requirements-api.txt
FROM python:3.12-slim
WORKDIR /app
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 curl
ENV PYTHONUNBUFFERED=1 MODE=api
COPY --from=build /usr/local /usr/local
COPY app/ ./
COPY config.toml /app/config.toml
COPY ca.pem /etc/ssl/
HEALTHCHECK CMD true
CMD ["uvicorn", "main:app"]
"""


@pytest.fixture
def checkout(tmp_path):
    for path, text in {
        "docker-compose.yml": COMPOSE, "docker/Dockerfile.api": API,
        "docker/Dockerfile.ui": "FROM python:3.12\nWORKDIR /app\nCOPY ui.py .\n"
                                "COPY requirements-ui.txt .\nCMD python ui.py\n",
        "web/Dockerfile": "FROM node:22\nCOPY . .\n",
        "requirements-api.txt": "fastapi==0.1\n", "requirements-ui.txt": "", "ui.py": "",
        "app/main.py": "", "config.toml": "", "ca.pem": "",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def test_what_is_taken(checkout):
    api, page = read(checkout).proposals
    assert (api.service, page.service) == ("rag_api", "chainlit_ui")
    assert api.source == {
        "context": str(checkout),
        "requirements": "requirements-api.txt",
        "copy": {"app": ".", "config.toml": "config.toml"},
        "command": ["uvicorn", "main:app"],
        "environment": {"LOG_LEVEL": "info", "MODE": "api"},
        "apt_packages": ["libgomp1"],
        "environment_secrets": {"REDIS_PASSWORD": "redis_password"},
        "volumes": ["index:/app/index", "/srv/models:/models:ro"],
        "health": {"url": "http://127.0.0.1:8000/health", "interval_s": 90, "timeout_s": 10,
                   "retries": 5},
        "tmpfs": ["/app/.files"],
        "cpus": 1.5,
        "restart": "unless-stopped",
        "aliases": ["rag", "my_rag", "rag-api"],
    }
    assert api.settings == {"rag_api_memory_limit_mib": 2048}
    assert page.settings == {"chainlit_ui_memory_limit_mib": 512}
    assert page.source["command"] == ["sh", "-c", "exec chainlit run ui.py --host 0.0.0.0"]


def test_what_is_not_taken_has_its_line_and_reason(checkout):
    reading = read(checkout)
    api = {(one.path, one.what): str(one) for one in reading.proposals[0].not_taken}
    lines = COMPOSE.splitlines()
    for what in ("OPENAI_API_KEY", "DATABASE_URL", "FROM_OUTSIDE", "./app:/app", "./data:/app/data",
                 "gpus"):
        said = api["docker-compose.yml", what]
        line = int(said.split(":")[1])
        assert what.split(":")[0] in lines[line - 1], said
    check = API.splitlines().index("HEALTHCHECK CMD true") + 1
    assert any(one.startswith(f"docker/Dockerfile.api:{check}: ") for one in api.values())
    assert any("/etc/ssl/ca.pem" in said for said in api.values())
    assert any(one.what == "deploy.replicas" for one in reading.proposals[1].not_taken)
    assert [(name, instead) for name, _, instead in reading.others] == [
        ("redis", "the stack's own Redis: its address is redis:6379"),
        ("web", "its image is of node, and services here are Python"),
        ("consul", ""),
    ]


def test_every_key_of_every_service_is_taken_or_named(checkout):
    from xnai.audit.compose import parse

    file = parse("docker-compose.yml", COMPOSE)
    known = {"build", "image", "container_name", "networks", "restart", "cpus", "tmpfs",
             "mem_limit", "healthcheck", "environment", "volumes", "command", "deploy"}
    for one in read(checkout).proposals:
        (service,) = (s for s in file.services if s.name == one.theirs)
        named = {left.what for left in one.not_taken}
        assert set(service.data) - known <= named


def test_the_file_is_one_that_the_settings_take(checkout, tmp_path):
    text = rendered(read(checkout))
    ast.parse(text)
    file = tmp_path / "workstations.py"
    file.write_text(text)
    values = runpy.run_path(str(file))
    assert problems(**{name: values[name] for name in values["__all__"]}) == []


def test_no_secret_is_printed_and_nothing_is_written(checkout):
    before = sorted(checkout.rglob("*"))
    run = CliRunner().invoke(main, ["sources", str(checkout)])
    assert run.exit_code == 0
    assert SECRET not in run.output
    assert "2 services taken" in run.output
    assert sorted(checkout.rglob("*")) == before


def test_a_checkout_without_a_compose_file(tmp_path):
    with pytest.raises(NoCompose, match="no compose file"):
        read(tmp_path)
    assert CliRunner().invoke(main, ["sources", str(tmp_path)]).exit_code == 2


def test_packages_that_stand_in_a_dockerfile_alone(tmp_path):
    (tmp_path / "compose.yml").write_text(
        "services:\n  docs:\n    build: {dockerfile: Dockerfile}\n    command: mkdocs serve\n"
    )
    (tmp_path / "Dockerfile").write_text(
        "FROM python:3.12-slim\nWORKDIR /site\n"
        "RUN pip install --upgrade pip && python -m pip install -c limits.txt mkdocs==1.6.1 "
        "'mkdocs-material[imaging]>=9' https://example.org/x.whl\n"
        "COPY mkdocs.yml docs/ ./\nCMD [\"mkdocs\", \"serve\"]\n"
    )
    reading = read(tmp_path)
    (docs,) = reading.proposals
    assert docs.packages == ["mkdocs==1.6.1", "mkdocs-material[imaging]>=9"]
    # Below the directory that the image works in; served by our own server.
    assert docs.source["copy"].keys() == {"mkdocs.yml", "docs"}
    assert "command" not in docs.source
    assert (
        "# Its lock: xnai lock docs --package mkdocs==1.6.1 "
        "--package 'mkdocs-material[imaging]>=9'"
        in rendered(reading)
    )


def test_lists_defaults_ports_and_several_files_at_once(tmp_path):
    (tmp_path / "compose.yml").write_text(
        "services:\n  api:\n    build: {dockerfile: Dockerfile}\n    ports: [\"8504:8504\"]\n"
        "    mem_limit: 16m\n"
        "    environment:\n      - MODE=${MODE:-quick}\n      - WHERE=${WHERE}\n"
        "  model:\n    build: {dockerfile: model.Dockerfile}\n"
    )
    (tmp_path / "Dockerfile").write_text(
        "FROM python:3.12-slim\nWORKDIR /app\nCOPY requirements.txt .\nCOPY a.py b.py .\n"
    )
    (tmp_path / "model.Dockerfile").write_text("FROM babashka/babashka:latest\n")
    reading = read(tmp_path)
    (api,) = reading.proposals
    assert api.source["copy"] == {"a.py": "a.py", "b.py": "b.py"}
    assert api.source["environment"] == {"MODE": "quick"}
    told = [str(one) for one in api.not_taken]
    assert "compose.yml:7: MODE: taken with the default" in " ".join(told)
    assert any(one.startswith("compose.yml:8: WHERE: its value comes from") for one in told)
    (ports,) = [one for one in told if ": ports: " in one]
    assert "it listens on 8504, and rag_api is published from 8000" in ports
    # What is below the settings' least would be refused.
    assert api.settings == {"rag_api_memory_limit_mib": 64}
    assert "memory limit: 16 MiB, and at least 64 are allowed here" in " ".join(told)
    assert [one[0] for one in reading.others] == ["model"]
