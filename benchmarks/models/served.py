"""The language model's service with a model, and what it holds in memory."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

_SERVICES = Path(__file__).parents[2] / "files/services"
# They fill a batch, and with it what is computed at a time.
_PROMPT_TOKENS = 512
_LOADS_S, _ANSWERS_S = 300, 3600


@contextlib.contextmanager
def _served(python: Path, model: Path, context_tokens: int) -> Iterator[tuple[int, int]]:
    """The service with a model: its process and port, once it is healthy."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"], "LLM_MODEL_FILE": str(model), "LLM_HOST": "127.0.0.1",
        "PYTHONPATH": os.pathsep.join(map(str, (_SERVICES / "llm", _SERVICES / "common"))),
        "LLM_CONTEXT_TOKENS": str(context_tokens), "LLM_PORT": str(port), "LLM_THREADS": "2",
    }
    process = subprocess.Popen(
        [python, "-m", "llm"], env=environment, stdout=subprocess.DEVNULL,
    )
    try:
        ends = time.monotonic() + _LOADS_S
        while time.monotonic() < ends and process.poll() is None:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5)
                break
            time.sleep(0.5)
        else:
            raise SystemExit(f"{model.name}: the service did not get healthy")
        yield process.pid, port
    finally:
        process.terminate()
        process.wait()


def held_mib(python: Path, model: Path, context_tokens: int) -> tuple[float, float, float]:
    """Return what the service holds: the most at a time; after an answer, anonymous and of files.

    Args:
        python: of an environment with the service's lock.
        model: a GGUF file.
        context_tokens: length of the context, at least 256.

    Raises:
        SystemExit: it did not get healthy.
    """
    with _served(python, model, context_tokens) as (pid, port):
        asked = json.dumps({
            "prompt": [3 + n % 200 for n in range(min(_PROMPT_TOKENS, context_tokens - 64))],
            "n_predict": 8, "ignore_eos": True,
        })
        urllib.request.urlopen(urllib.request.Request(
            f"http://127.0.0.1:{port}/completion", asked.encode(),
            {"Content-Type": "application/json"},
        ), timeout=_ANSWERS_S).read()
        status = Path(f"/proc/{pid}/status").read_text("ascii")

    def mib(key: str) -> float:
        return int(re.findall(rf"^{key}:\s+(\d+) kB", status, re.M)[0]) / 1024

    return mib("VmHWM"), mib("RssAnon"), mib("RssFile")
