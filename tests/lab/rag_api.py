"""The RAG API of a lab machine: asked from inside its container, with its own token."""

from __future__ import annotations

import json
import shlex

from xnai.lab.machine import Machine

# Of an answer that comes as lines the first is enough where only the sources are asked for.
_PROGRAM = """
import json, sys, urllib.request
method, path, body, lines = json.load(sys.stdin)
request = urllib.request.Request(
    "http://127.0.0.1:8000" + path, json.dumps(body).encode() if body else None, method=method,
    headers={
        "Authorization": "Bearer " + open("/run/secrets/ingest_token").read().strip(),
        "Content-Type": "application/json",
    },
)
with urllib.request.urlopen(request, timeout=170) as answer:
    print((answer.readline() if lines else answer.read()).decode())
"""


def _ask(machine: Machine, method: str, path: str, body: object = None, lines: bool = False):
    said = machine.run(
        f"xnai-podman exec -i xnai_rag_api python -c {shlex.quote(_PROGRAM)}",
        stdin=json.dumps([method, path, body, lines]), timeout_s=180,
    )
    return json.loads(said.stdout)


def ingest(machine: Machine, **document: str) -> None:
    """Bring a document into the index."""
    _ask(machine, "POST", "/ingest", {"documents": [document]})


def remove(machine: Machine, document: str) -> None:
    """Take a document out of the index."""
    _ask(machine, "DELETE", f"/ingest/{document}")


def sources(machine: Machine, question: str) -> list[dict[str, object]]:
    """The passages that fit a question, the best first; the model is not waited for."""
    return _ask(machine, "POST", "/query", {"question": question}, lines=True)["sources"]


def answer(machine: Machine, question: str) -> dict[str, object]:
    """The whole answer with its sources."""
    return _ask(machine, "POST", "/query", {"question": question, "stream": False})
