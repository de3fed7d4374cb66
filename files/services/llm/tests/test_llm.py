"""The real server with the model that the image ships."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from service_common import http_health

SERVICE = Path(__file__).parents[1]


def environment(**settings):
    """Return what a container has: no HOME, modules by PYTHONPATH."""
    path = f"{SERVICE}:{SERVICE.parent / 'common'}"
    return {"PATH": os.environ["PATH"], "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1",
            "LLM_HOST": "127.0.0.1", **settings}


def run(**settings):
    return subprocess.run(
        [sys.executable, "-m", "llm"],
        env=environment(**settings), capture_output=True, text=True, check=False,
    )


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


@pytest.fixture
def server(tmp_path):
    """A running server: its process, address and log."""
    port = free_port()
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "llm"], env=environment(LLM_PORT=port), stdout=out, stderr=out,
            cwd="/",
        )
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 30
    while (reason := http_health.reason_against(f"{address}/health")) is not None:
        assert process.poll() is None and time.monotonic() < deadline, reason + log.read_text()
        time.sleep(0.05)
    yield process, address, log
    process.kill()
    process.wait()


def chat(address, body):
    question = {"role": "user", "content": "Which city is the capital of France?"}
    return urllib.request.urlopen(
        urllib.request.Request(
            f"{address}/v1/chat/completions",
            json.dumps({"messages": [question], **body}).encode(),
            {"content-type": "application/json"},
        ),
        timeout=60,
    )


def events(response):
    """Yield the data of each server-sent event."""
    for line in response:
        if line.startswith(b"data: "):
            yield line[6:].strip()


def test_streams_an_answer_and_ends_by_sigterm(server):
    process, address, log = server
    with urllib.request.urlopen(f"{address}/v1/models") as response:
        assert json.load(response)["data"][0]["id"] == "SmolLM2-135M-Instruct.Q4_1"

    with chat(address, {"stream": True, "temperature": 0, "max_tokens": 30}) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        sent = list(events(response))
    assert sent[-1] == b"[DONE]"
    deltas = [json.loads(event)["choices"][0]["delta"] for event in sent[:-1]]
    words = [delta["content"] for delta in deltas if delta.get("content")]
    assert len(words) > 3, "one piece is no stream"
    assert "Paris" in "".join(words)

    # In the middle of an answer.
    with chat(address, {"stream": True, "ignore_eos": True}) as response:
        next(events(response))
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert log.read_text().endswith("ended by SIGTERM\n")


def test_answers_web_pages_of_other_sites_nothing_of_use(server):
    _, address, _ = server
    request = urllib.request.Request(f"{address}/v1/models", headers={"Origin": "http://evil.test"})
    with urllib.request.urlopen(request) as response:
        assert response.headers["access-control-allow-origin"] in (None, "")
    for path in ("/slots", "/"):
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(address + path)


def test_missing_model_file(tmp_path):
    ended = run(LLM_MODEL_FILE=str(tmp_path / "none.gguf"))
    assert ended.returncode == 1
    assert ended.stderr == (
        f"model {tmp_path}/none.gguf: No such file or directory; "
        "set LLM_MODEL_FILE to a GGUF file that the container's user may read\n"
    )


@pytest.mark.parametrize(
    ("content", "said"), [(b"no model", "starts with b'no m'"), (b"GGUF" + b"x" * 99, "Failed to")]
)
def test_file_that_is_no_model(tmp_path, content, said):
    (tmp_path / "model.gguf").write_bytes(content)
    ended = run(LLM_MODEL_FILE=str(tmp_path / "model.gguf"))
    assert ended.returncode == 1
    assert said in ended.stderr and "LLM_MODEL_FILE" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_no_packaged_model(tmp_path):
    # -S: an interpreter without site-packages, as in an image without the package.
    code = "import runpy; runpy.run_module('llm', run_name='__main__')"
    ended = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env=environment(), capture_output=True, text=True, check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("LLM_MODEL_FILE is not set: allowed")


def test_wrong_setting():
    ended = run(LLM_THREADS="0")
    assert ended.returncode == 1
    assert "LLM_THREADS = '0': allowed a whole number from 1 to 256" in ended.stderr


def test_port_that_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = run(LLM_PORT=str(taken.getsockname()[1]))
    assert ended.returncode == 1
    assert "LLM_PORT" in ended.stderr
