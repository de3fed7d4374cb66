"""The real site, and its server as a process."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SERVICE = Path(__file__).parents[1]
COMMON = SERVICE.parent / "common"
sys.path[:0] = [str(SERVICE), str(COMMON)]

DEADLINE_S = 30.0


@pytest.fixture(scope="session")
def build(tmp_path_factory) -> tuple[Path, str]:
    """The site as the image's build makes it, and what the build said."""
    site = tmp_path_factory.mktemp("built") / "site"
    ended = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)],
        cwd=SERVICE, capture_output=True, text=True, check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return site, ended.stderr


@dataclass(frozen=True)
class Docs:
    """A running server."""

    port: int
    process: subprocess.Popen[bytes]

    def ask(
        self, target: str, method: str = "GET", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body; the target goes out as it stands."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        try:
            connection.putrequest(method, target, skip_host="Host" in headers)
            for name, value in headers.items():
                connection.putheader(name.replace("_", "-"), value)
            connection.endheaders()
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()


@pytest.fixture(scope="session")
def docs(build, tmp_path_factory) -> Iterator[Docs]:
    """The server, with something beside the site that nobody may see."""
    site, _ = build
    (site.parent / "secret.txt").write_text("TOP SECRET")
    (site / "link.txt").symlink_to(site.parent / "secret.txt")
    (site / "empty").mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("log") / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "docs_server"], cwd=SERVICE, stdout=output, stderr=output,
            env={
                "PATH": os.environ["PATH"], "PYTHONPATH": str(COMMON), "DOCS_DIR": str(site),
                "DOCS_ADDRESS": "127.0.0.1", "DOCS_PORT": str(port),
            },
        )
    made = Docs(port, process)
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            made.ask("/")
            break
        except OSError:
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
    yield made
    process.kill()
    process.wait()
