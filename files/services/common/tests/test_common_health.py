"""service_common.heartbeat and service_common.http_health, as the containers run them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from service_common import heartbeat, http_health

COMMON = Path(__file__).parents[1]


def run_module(name, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", name, *arguments],
        capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(COMMON), "PATH": os.environ["PATH"], **environment},
    )


def test_heartbeat(monkeypatch, tmp_path, capsys):
    file = tmp_path / "heartbeat"
    monkeypatch.setenv("HEARTBEAT_FILE", str(file))
    assert heartbeat.main(["--max-age-s", "60"]) == 1
    assert "no heartbeat yet" in capsys.readouterr().out
    heartbeat.beat()
    assert heartbeat.main(["--max-age-s", "60"]) == 0
    assert capsys.readouterr().out == ""
    old = time.time() - 100
    os.utime(file, (old, old))
    assert heartbeat.main(["--max-age-s", "60"]) == 1
    assert "100 s old; allowed: 60 s" in capsys.readouterr().out
    heartbeat.beat()
    assert heartbeat.main(["--max-age-s", "60"]) == 0


def test_heartbeat_as_a_command(tmp_path):
    file = tmp_path / "heartbeat"
    ended = run_module("service_common.heartbeat", "--max-age-s", "9", HEARTBEAT_FILE=str(file))
    assert (ended.returncode, ended.stderr) == (1, "")
    file.touch()
    ended = run_module("service_common.heartbeat", HEARTBEAT_FILE=str(file))
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/nonsense":
            self.wfile.write(b"this is not HTTP\r\n\r\n")
            self.close_connection = True
            return
        status = int(self.path[1:])
        self.send_response(status)
        self.end_headers()
        if status != 204:
            self.wfile.write(b'{"redis":"gone"}')

    def log_message(self, *_):
        pass


@pytest.fixture
def address():
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_http_health(address):
    assert http_health.reason_against(f"{address}/200") is None
    assert http_health.reason_against(f"{address}/503") == (
        f'{address}/503: HTTP 503 {{"redis":"gone"}}'
    )
    assert http_health.reason_against(f"{address}/204") == f"{address}/204: HTTP 204"
    assert "BadStatusLine" in http_health.reason_against(f"{address}/nonsense")
    assert "unknown url type" in http_health.reason_against("nowhere")


def test_http_health_as_a_command(address):
    # A proxy in the environment is not asked.
    ended = run_module("service_common.http_health", f"{address}/200", http_proxy="http://[::1]:9")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    ended = run_module("service_common.http_health", f"{address}/500")
    assert ended.returncode == 1
    assert "HTTP 500" in ended.stdout
    assert run_module("service_common.http_health").returncode == 1


def test_http_health_nobody_listens():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/health"
        assert "refused" in http_health.reason_against(url)


def test_http_health_gives_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/health"
        assert "timed out" in http_health.reason_against(url)
