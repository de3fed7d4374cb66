"""The real service in a process of its own, and what it talks to."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

SERVICE = Path(__file__).parents[1]
SERVICES = SERVICE.parent
sys.path[:0] = [str(SERVICE), str(SERVICES / "common")]

# Other work may keep the machine busy.
_START_S = 60.0


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def wait_until(holds: Callable[[], bool], why: Callable[[], str] = lambda: "") -> None:
    deadline = time.monotonic() + _START_S
    while not holds():
        assert time.monotonic() < deadline, why()
        time.sleep(0.02)


def answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.HTTPError:
        return False


@dataclass
class Running:
    """A service that runs."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def lines(self, text: str) -> int:
        return self.log.read_text().count(text)


def start(command: list[str], port: int, log: Path, **settings: object) -> Running:
    """Start a service as its container does: no HOME, modules by PYTHONPATH; wait for /health."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        **{name: str(value) for name, value in settings.items()},
    }
    with log.open("ab") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out, cwd="/")
    running = Running(process, f"http://127.0.0.1:{port}", log)
    wait_until(
        lambda: process.poll() is not None or answers(f"{running.url}/health"), log.read_text
    )
    assert process.poll() is None, log.read_text()
    return running


TOKEN = secrets.token_hex(16)
Start = Callable[..., Running]


@contextmanager
def starter(folder: Path) -> Iterator[Start]:
    """A function that starts the RAG API with its files below `folder`; ends all it started."""
    started: list[Running] = []

    def start_one(redis: object = None, **settings: object) -> Running:
        secret_files = folder / "secrets"
        secret_files.mkdir(exist_ok=True)
        (secret_files / "ingest_token").write_text(TOKEN)
        if redis is not None:
            (secret_files / "redis_password").write_text(redis.password)
            settings = {"REDIS_HOST": redis.host, "REDIS_PORT": redis.port, **settings}
        (folder / "data").mkdir(exist_ok=True)
        environment = {
            "PYTHONPATH": f"{SERVICE}:{SERVICES / 'common'}",
            "SECRETS_DIR": secret_files,
            "RAG_DATA_DIR": folder / "data",
            "REDIS_HOST": "127.0.0.1",
            # Nobody listens there.
            "REDIS_PORT": 1,
            **settings,
        }
        log = folder / "rag_api.log"
        while True:
            port = free_port()
            command = [
                sys.executable, "-m", "uvicorn", "rag_api.main:app", "--port", str(port),
                "--timeout-graceful-shutdown", "3",
            ]
            try:
                started.append(start(command, port, log, **environment))
            except AssertionError:
                # Somebody else took the port between free_port() and uvicorn.
                if "address already in use" not in log.read_text():
                    raise
                log.unlink()
            else:
                return started[-1]

    try:
        yield start_one
    finally:
        for running in started:
            running.kill()


@pytest.fixture
def start_api(tmp_path: Path) -> Iterator[Start]:
    """Starts the RAG API; `redis` may be the fixture redis_server, the rest are settings."""
    with starter(tmp_path) as start_one:
        yield start_one


@pytest.fixture(scope="session")
def shared_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One for all tests that change nothing."""
    with starter(tmp_path_factory.mktemp("shared_api")) as start_one:
        yield start_one()


def _llm(folder: Path) -> Running:
    python = os.environ.get("PYTHON_OF_LLM")
    if python is None:
        pytest.fail("run these tests by `pytest tests/services -k rag_api`: they need llm's Python")
    port = free_port()
    return start(
        [python, "-m", "llm"], port, folder / "llm.log",
        PYTHONPATH=f"{SERVICES / 'llm'}:{SERVICES / 'common'}",
        LLM_HOST="127.0.0.1", LLM_PORT=port,
    )


@pytest.fixture(scope="session")
def llm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The real model, one for all tests."""
    running = _llm(tmp_path_factory.mktemp("llm"))
    yield running
    running.kill()


@pytest.fixture
def own_llm(tmp_path: Path) -> Iterator[Running]:
    """A model that the test may kill."""
    running = _llm(tmp_path)
    yield running
    running.kill()


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=60) as made:
        yield made


AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


def ingest(client: httpx.Client, api: Running, *documents: dict[str, object]) -> dict[str, int]:
    answer = client.post(
        f"{api.url}/ingest", json={"documents": documents}, headers=AUTHORIZED
    )
    assert answer.status_code == 200, answer.text
    return answer.json()
