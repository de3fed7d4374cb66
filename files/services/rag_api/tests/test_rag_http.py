"""The interface: guard, token, limits, health, and the command line of ingest."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys

import httpx
import pytest
from conftest import AUTHORIZED, SERVICE, SERVICES, TOKEN, ingest

BREAD = {"id": "bread", "title": "Bread", "source": "https://example.org/bread",
         "passages": ["Dough rises.", "An oven is hot."]}


def detail(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()["detail"]


def test_hosts_origins_and_content_types(start_api, client):
    api = start_api(RAG_ALLOWED_ORIGINS="http://localhost:8001")
    query = {"url": f"{api.url}/query", "json": {"question": "x"}}
    assert client.post(**query).status_code == 200
    ours = client.post(**query, headers={"Origin": "http://localhost:8001"})
    assert ours.status_code == 200
    assert not [name for name in ours.headers if name.startswith("access-control")]

    said = detail(client.post(**query, headers={"Origin": "http://evil.test"}), 403)
    assert "'http://evil.test'" in said and "RAG_ALLOWED_ORIGINS" in said
    said = detail(client.get(f"{api.url}/health", headers={"Host": "evil.test"}), 421)
    assert "'evil.test'" in said and "RAG_ALLOWED_HOSTS" in said
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        plain = client.post(
            f"{api.url}/query", content=b'{"question":"x"}', headers={"Content-Type": kind}
        )
        assert kind in detail(plain, 415)
    preflight = client.options(
        f"{api.url}/ingest",
        headers={"Origin": "http://localhost:8001", "Access-Control-Request-Method": "POST"},
    )
    assert preflight.status_code == 405
    assert not [name for name in preflight.headers if name.startswith("access-control")]


def test_token(start_api, client):
    api = start_api()
    body = {"documents": [BREAD]}
    for value in (None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer é"):
        headers = {} if value is None else {"Authorization": value.encode()}
        refused = client.post(f"{api.url}/ingest", json=body, headers=headers)
        assert "ingest_token" in detail(refused, 401)
        assert refused.headers["www-authenticate"] == "Bearer"
        assert client.delete(f"{api.url}/ingest/bread", headers=headers).status_code == 401
    assert ingest(client, api, BREAD) == {"ingested": 1, "unchanged": 0, "passages": 2}
    assert ingest(client, api, BREAD) == {"ingested": 0, "unchanged": 1, "passages": 0}
    assert TOKEN not in api.log.read_text()


def test_without_a_token_there_is_no_ingest(start_api, client, tmp_path):
    api = start_api(SECRETS_DIR=tmp_path)
    for value in ("", "Bearer", "Bearer None"):
        answer = client.post(
            f"{api.url}/ingest", json={"documents": [BREAD]}, headers={"Authorization": value}
        )
        assert "no secret ingest_token" in detail(answer, 503)


def test_remove(start_api, client):
    api = start_api()
    url = "https://example.org/a b?c=d&e/ü"
    ingest(client, api, {**BREAD, "id": url})
    address = f"{api.url}/ingest/{httpx.QueryParams({'': url})!s}".replace("/=", "/")
    address = address.replace("+", "%20")
    assert client.delete(address, headers=AUTHORIZED).json() == {"removed": url}
    assert url in detail(client.delete(address, headers=AUTHORIZED), 404)
    assert client.get(f"{api.url}/ready").json()["index"] == {"passages": 0, "documents": 0}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "the body is no JSON"),
        (b"", "the body: field required"),
        (b"[1]", "the body: "),
        (b'{"question":""}', "question = ''"),
        (b'{"question":"x","top_k":0}', "top_k = 0: input should be greater than or equal to 1"),
        (b'{"question":"x","stream":"perhaps"}', "stream = 'perhaps'"),
        (b'{"question":"\\ud800"}', "question = '\\ud800'"),
        (b'{"question":"' + b"x" * 2001 + b'"}', "question = 'xxxx"),
        (b'{"question":"x","nonsense":1}', "nonsense = 1: extra inputs are not permitted"),
    ],
)
def test_wrong_bodies(shared_api, client, body, said):
    answer = client.post(
        f"{shared_api.url}/query", content=body, headers={"Content-Type": "application/json"}
    )
    assert said in detail(answer, 422)


@pytest.mark.parametrize("body", [b"\xff", b"[" * 100_000])
def test_bodies_that_no_parser_takes(shared_api, client, body):
    answer = client.post(
        f"{shared_api.url}/query", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code in (400, 422)


def test_long_bodies(start_api, client):
    api = start_api(RAG_MAX_BODY_KIB=8)
    document = {**BREAD, "passages": ["x" * 7000]}
    assert ingest(client, api, document)["passages"] == 1
    body = json.dumps({"documents": [{**BREAD, "passages": ["x" * 7000] * 2}]}).encode()
    headers = {**AUTHORIZED, "Content-Type": "application/json"}
    said = detail(client.post(f"{api.url}/ingest", content=body, headers=headers), 413)
    assert "longer than 8192 bytes" in said and "RAG_MAX_BODY_KIB" in said

    def chunks():
        yield body[:8000]
        yield body[8000:]

    chunked = client.post(f"{api.url}/ingest", content=chunks(), headers=headers)
    assert "longer than 8192 bytes" in detail(chunked, 413)


def test_a_length_that_is_only_claimed_is_refused_at_once(start_api):
    api = start_api(RAG_MAX_BODY_KIB=8)
    host, port = api.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(
            b"POST /query HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 999999999\r\n\r\n"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_health_ready_and_no_pages(start_api, client, redis_server):
    api = start_api(redis=redis_server)
    assert client.get(f"{api.url}/health").json() == {"status": "healthy"}
    ingest(client, api, BREAD)
    ready = client.get(f"{api.url}/ready")
    assert ready.status_code == 200
    assert ready.json() == {
        "status": "ready", "redis": "PONG", "index": {"passages": 2, "documents": 1},
        "model": "none",
    }
    for path in ("/docs", "/redoc", "/"):
        assert client.get(api.url + path).status_code == 404


def test_unusable_index(start_api, client, tmp_path, redis_server):
    (tmp_path / "data").mkdir()
    file = tmp_path / "data/index.sqlite3"
    file.write_bytes(b"not a database at all, but somebody's file" * 30)
    api = start_api(redis=redis_server)
    assert client.get(f"{api.url}/health").status_code == 200
    ready = client.get(f"{api.url}/ready")
    assert ready.status_code == 503
    assert "file is not a database" in ready.json()["index"]
    assert ready.json()["redis"] == "PONG"
    said = detail(client.post(f"{api.url}/query", json={"question": "x"}), 503)
    assert "file is not a database" in said
    written = client.post(f"{api.url}/ingest", json={"documents": [BREAD]}, headers=AUTHORIZED)
    assert "Move it away" in detail(written, 503) or "move it away" in detail(written, 503)
    assert file.read_bytes().startswith(b"not a database")
    # Moved away, it works without a restart.
    file.rename(tmp_path / "data/kept")
    assert client.get(f"{api.url}/ready").status_code == 200
    assert ingest(client, api, BREAD)["ingested"] == 1


def test_wrong_setting_ends_the_service():
    ended = subprocess.run(
        [sys.executable, "-m", "uvicorn", "rag_api.main:app"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{SERVICE}:{SERVICES / 'common'}",
             "REDIS_PORT": "many"},
        capture_output=True, text=True, check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("REDIS_PORT = 'many': allowed a whole number from 1 to 65535")


def test_sigterm_ends_it(start_api):
    api = start_api()
    api.process.send_signal(signal.SIGTERM)
    # uvicorn cleans up, then ends by the signal itself.
    assert api.process.wait(20) == -signal.SIGTERM
    assert "Application shutdown complete." in api.log.read_text()


def command(api, tmp_path, *arguments, stdin=None, secrets="secrets"):
    return subprocess.run(
        [sys.executable, "-m", "rag_api.ingest", *map(str, arguments)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{SERVICE}:{SERVICES / 'common'}",
             "SECRETS_DIR": str(tmp_path / secrets), "RAG_URL": api.url},
        input=stdin, capture_output=True, text=True, check=False,
    )


def test_ingest_command(start_api, client, tmp_path):
    api = start_api()
    file = tmp_path / "rules.md"
    file.write_text("# House rules\n\nThe gate closes at eleven.\n")
    ended = command(api, tmp_path, file)
    assert (ended.returncode, ended.stdout, ended.stderr) == (
        0, f"{file}: 1 passages, 'rules.md: House rules'\n", "",
    )
    assert command(api, tmp_path, file).stdout == f"{file}: unchanged\n"
    ended = command(api, tmp_path, "-", "--title", "Notes", stdin="The lift is out of order.")
    assert ended.stdout == "-: 1 passages, 'Notes'\n"
    answer = client.post(
        f"{api.url}/query", json={"question": "When does the gate close?", "stream": False}
    ).json()
    assert answer["sources"][0]["title"] == "rules.md: House rules"
    assert answer["sources"][0]["source"] == str(file)


def test_the_source_is_what_a_document_is(start_api, client, tmp_path):
    api = start_api()
    for source, text in (("a.md", "One."), ("b.md", "Two."), ("a.md", "Three.")):
        words = ("-", "--title", "Notes", "--source", source)
        assert command(api, tmp_path, *words, stdin=text).returncode == 0
    # Two with one title are two; the same source again has replaced the former.
    assert client.get(f"{api.url}/ready").json()["index"]["documents"] == 2
    ended = command(api, tmp_path, "-", "--source", "rules/a.md", stdin="Words.")
    assert ended.stdout == "-: 1 passages, 'a.md'\n"


def test_ingest_command_refuses(start_api, tmp_path):
    api = start_api()
    assert "none.md: it cannot be read" in command(api, tmp_path, "none.md").stderr
    assert "it is empty" in command(api, tmp_path, "-", "--source", "a", stdin=" \n").stderr
    assert "--source" in command(api, tmp_path, "-", stdin="words").stderr
    file = tmp_path / "a.txt"
    file.write_text("words")
    assert "no secret ingest_token" in command(api, tmp_path, file, secrets="none").stderr
    (tmp_path / "secrets/ingest_token").write_text("another")
    ended = command(api, tmp_path, file)
    assert ended.returncode == 1
    assert "HTTP 401" in ended.stderr
    api.kill()
    ended = command(api, tmp_path, file)
    assert ended.returncode == 1
    assert "ConnectError" in ended.stderr
