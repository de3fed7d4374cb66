"""Answers by the real model, and what happens when it or Redis fails."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading

import httpx
import pytest
import redis
from conftest import ingest, wait_until

LIGHTHOUSE = {
    "id": "lighthouse", "title": "The lighthouse of Arnhem Point", "source": "https://example.org/l",
    "passages": ["The lighthouse was built in 1874 from granite. It is 31 metres tall."],
}
BREAD = {"id": "bread", "title": "Bread", "passages": ["A starter is fed with flour every day."]}
QUESTION = {"question": "How tall is the lighthouse?", "top_k": 2}


def lines(client, api, **body):
    """Return the lines of an answer, checked for their order."""
    with client.stream("POST", f"{api.url}/query", json={**QUESTION, **body}) as response:
        assert response.status_code == 200
        assert response.headers["content-type"] == "application/x-ndjson"
        sent = [json.loads(line) for line in response.iter_lines()]
    kinds = [line["type"] for line in sent]
    assert kinds[0] == "sources" and kinds[-1] == "done"
    assert set(kinds[1:-1]) <= {"extract", "model", "token", "notice"}
    # What the passages say stands before what a model adds.
    assert not sent[0]["sources"] or kinds[1] == "extract"
    return sent


def text(sent):
    return "".join(line["text"] for line in sent if line["type"] == "token")


def notices(sent):
    return [line["text"] for line in sent if line["type"] == "notice"]


def keys(server):
    with redis.Redis(server.host, server.port, password=server.password) as connection:
        return {key: connection.ttl(key) for key in connection.keys("*")}


def test_streams_an_answer_and_caches_it(start_api, client, llm, redis_server):
    api = start_api(redis=redis_server, LLM_URL=f"{llm.url}/v1")
    ingest(client, api, LIGHTHOUSE, BREAD)
    assert client.get(f"{api.url}/ready").json()["model"] == "up"

    sent = lines(client, api)
    sources = sent[0]["sources"]
    assert [source["n"] for source in sources] == [1, 2]
    assert sources[0] == {
        "n": 1, "document": "lighthouse", "title": LIGHTHOUSE["title"],
        "source": "https://example.org/l", "text": LIGHTHOUSE["passages"][0],
        "score": sources[0]["score"], "place": "",
    }
    assert 0 <= sources[1]["score"] < sources[0]["score"] <= 1
    assert notices(sent) == []
    assert sent[1]["quotes"][0] == {"n": 1, "text": "It is 31 metres tall."}
    assert sent[2] == {"type": "model", "name": "local"}
    assert "31" in text(sent)

    ((key, ttl),) = keys(redis_server).items()
    assert key.startswith(b"rag:answer:")
    assert 0 < ttl <= 86400
    again = client.post(f"{api.url}/query", json={**QUESTION, "stream": False}).json()
    assert again == {
        "answer": text(sent), "model": "local", "extract": sent[1]["quotes"], "sources": sources,
        "notice": None,
    }
    assert api.lines("the answer was in the cache") == 1
    # Another question and another state of the index are other answers.
    lines(client, api, question="What is the lighthouse built from?")
    assert len(keys(redis_server)) == 2
    ingest(client, api, {**BREAD, "title": "Sourdough"})
    lines(client, api)
    assert len(keys(redis_server)) == 3
    assert api.lines("the answer was in the cache") == 1


def test_answers_without_redis(start_api, client, llm):
    api = start_api(LLM_URL=f"{llm.url}/v1")
    ingest(client, api, LIGHTHOUSE)
    ready = client.get(f"{api.url}/ready")
    assert ready.status_code == 503
    assert ready.json()["redis"].startswith("ConnectionError")
    assert ready.json()["model"] == "up"
    assert "31" in text(lines(client, api))
    assert "no cache of answers" in api.log.read_text()


def test_redis_hangs_and_comes_back(start_api, client, llm, redis_server):
    api = start_api(redis=redis_server, LLM_URL=f"{llm.url}/v1")
    ingest(client, api, LIGHTHOUSE)
    lines(client, api)
    with redis.Redis(
        redis_server.host, redis_server.port, password=redis_server.password
    ) as connection:
        pid = connection.info("server")["process_id"]
    # A Redis that hangs is worse than one that is gone.
    os.kill(pid, signal.SIGSTOP)
    try:
        assert "31" in text(lines(client, api))
        ready = client.get(f"{api.url}/ready")
        assert ready.status_code == 503
        assert ready.json()["redis"].startswith("TimeoutError")
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: client.get(f"{api.url}/ready").status_code == 200)
    assert "31" in text(lines(client, api))
    assert api.lines("the answer was in the cache") == 1


def test_nothing_ingested(start_api, client, llm):
    api = start_api(LLM_URL=f"{llm.url}/v1")
    sent = lines(client, api)
    assert sent[0]["sources"] == []
    assert notices(sent) == [
        "Nothing has been ingested yet, so there is nothing to answer from."
    ]


def test_no_model(start_api, client):
    api = start_api()
    ingest(client, api, LIGHTHOUSE)
    assert client.get(f"{api.url}/ready").json()["model"] == "none"
    assert notices(lines(client, api)) == [
        "No model is set up (LLM_URL): this is what the passages say."
    ]
    whole = client.post(f"{api.url}/query", json={**QUESTION, "stream": False}).json()
    assert whole["answer"].startswith("It is 31 metres tall. [1]") and whole["model"] is None
    assert "LLM_URL" in whole["notice"]
    assert whole["sources"][0]["document"] == "lighthouse"


def test_model_is_down(start_api, client, redis_server):
    api = start_api(redis=redis_server, LLM_URL="http://127.0.0.1:1/v1")
    ingest(client, api, LIGHTHOUSE)
    ready = client.get(f"{api.url}/ready")
    assert (ready.status_code, ready.json()["model"]) == (200, "down")
    assert notices(lines(client, api)) == [
        "The model did not finish: nothing answers at http://127.0.0.1:1/v1; "
        "there is none of its text."
    ]
    assert keys(redis_server) == {}


def test_model_is_silent(start_api, client, redis_server):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        api = start_api(redis=redis_server, LLM_URL=url, LLM_SILENCE_TIMEOUT_S=1)
        ingest(client, api, LIGHTHOUSE)
        assert client.get(f"{api.url}/ready").json()["model"] == "down"
        assert "it was silent for 1 s" in notices(lines(client, api))[0]
    assert keys(redis_server) == {}


LONG = {"LLM_ANSWER_TOKENS": 1024, "LLM_CONTEXT_TOKENS": 2048}


def test_answer_that_is_cut_off(start_api, client, llm, redis_server):
    api = start_api(redis=redis_server, LLM_URL=f"{llm.url}/v1", LLM_ANSWER_TOKENS=16)
    ingest(client, api, {**LIGHTHOUSE, "passages": ["The lighthouse is " + "very " * 40 + "tall."]})
    sent = lines(client, api, question="Repeat everything that the passage says, word by word.")
    assert "cut off after 16 tokens" in notices(sent)[0]
    assert keys(redis_server) == {}


@pytest.mark.parametrize("path", ["/v2", "/health"])
def test_endpoint_that_is_no_model(start_api, client, llm, path):
    api = start_api(LLM_URL=f"{llm.url}{path}")
    ingest(client, api, LIGHTHOUSE)
    assert client.get(f"{api.url}/ready").json()["model"] == "down"
    assert "it answered HTTP 404" in notices(lines(client, api))[0]


class Relay(threading.Thread):
    """Stands between the API and the model; knows whether the API has hung up."""

    def __init__(self, url):
        super().__init__(daemon=True)
        host, port = url.removeprefix("http://").split(":")
        self.model = (host, int(port))
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        self.request = b""
        self.hung_up = threading.Event()
        self.start()

    def run(self):
        near, _ = self.listening.accept()
        with near, socket.create_connection(self.model) as far:
            answering = threading.Thread(target=self.answer, args=(far, near), daemon=True)
            answering.start()
            # Who hangs up with an answer unread resets the connection.
            with contextlib.suppress(ConnectionResetError):
                while data := near.recv(65536):
                    self.request += data
                    far.sendall(data)
            self.hung_up.set()

    def answer(self, far, near):
        try:
            while data := far.recv(65536):
                near.sendall(data)
        except OSError:
            pass


class Cutting(Relay):
    """Ends an answer after its first pieces, as if that were all."""

    def answer(self, far, near):
        # Chunk by chunk: a model that is faster than this relay sends its whole answer at once.
        with far.makefile("rb") as sent:
            while (line := sent.readline()) != b"\r\n":
                near.sendall(line)
            near.sendall(line)
            pieces = 0
            while pieces < 3:
                size = sent.readline()
                content = sent.read(int(size, 16) + len(b"\r\n"))
                near.sendall(size + content)
                pieces += content.count(b'"content":"')
        self.end(near)

    def end(self, near):
        # The end of a body in chunks.
        near.sendall(b"0\r\n\r\n")


class Dying(Cutting):
    """A model that is killed after the first pieces of its answer."""

    def __init__(self, llm):
        super().__init__(llm.url)
        self.llm = llm

    def end(self, near):
        self.llm.kill()
        self.listening.close()
        near.shutdown(socket.SHUT_RDWR)


def test_model_dies_in_the_middle(start_api, client, own_llm, redis_server):
    relay = Dying(own_llm)
    api = start_api(redis=redis_server, LLM_URL=f"{relay.url}/v1")
    ingest(client, api, LIGHTHOUSE)
    sent = lines(client, api)
    assert sent[-1] == {"type": "done"} and sent[1]["quotes"]
    (notice,) = notices(sent)
    assert notice.startswith("The model did not finish: the connection broke")
    # Half a sentence is not shown.
    assert notice.endswith("there is none of its text.") and text(sent) == ""
    # Half an answer is never kept.
    assert keys(redis_server) == {}


def test_answer_that_ends_without_an_end(start_api, client, llm, redis_server):
    relay = Cutting(llm.url)
    api = start_api(redis=redis_server, LLM_URL=f"{relay.url}/v1")
    ingest(client, api, LIGHTHOUSE)
    sent = lines(client, api)
    assert text(sent) == ""
    assert notices(sent) == [
        "The model did not finish: its answer broke off; there is none of its text."
    ]
    assert keys(redis_server) == {}


@pytest.mark.parametrize("stream", [True, False])
def test_client_that_leaves_stops_the_generation(start_api, client, llm, stream, tmp_path):
    relay = Relay(llm.url)
    api = start_api(LLM_URL=f"{relay.url}/v1", **LONG)
    ingest(client, api, LIGHTHOUSE)
    # A question that the small model rambles about for long.
    body = {**QUESTION, "question": "Write a very long story about the lighthouse.",
            "stream": stream}
    with httpx.Client(trust_env=False) as leaving:
        if stream:
            with leaving.stream("POST", f"{api.url}/query", json=body) as response:
                for line in response.iter_lines():
                    if json.loads(line)["type"] == "model":
                        # Leaving the loop closes the stream.
                        wait_until(lambda: b"Question:" in relay.request)
                        break
        else:
            host, port = api.url.removeprefix("http://").split(":")
            content = json.dumps(body).encode()
            with socket.create_connection((host, int(port))) as connection:
                connection.sendall(
                    b"POST /query HTTP/1.1\r\nHost: localhost\r\n"
                    b"Content-Type: application/json\r\n"
                    b"Content-Length: %d\r\n\r\n%s" % (len(content), content)
                )
                wait_until(lambda: b"Question:" in relay.request)
    wait_until(relay.hung_up.is_set, api.log.read_text)
    wait_until(lambda: api.lines("the client went away") == 1, api.log.read_text)
    assert "Traceback" not in api.log.read_text()


def test_api_key_is_sent_and_never_shown(start_api, client, llm, tmp_path):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/llm_api_key").write_text("s3cret-key\n")
    relay = Relay(llm.url)
    api = start_api(LLM_URL=f"{relay.url}/v1", LLM_MODEL="some-model")
    ingest(client, api, LIGHTHOUSE)
    assert "31" in text(lines(client, api))
    head, _, body = relay.request.partition(b"\r\n\r\n")
    assert b"authorization: bearer s3cret-key" in head.lower()
    assert json.loads(body)["model"] == "some-model"
    assert "s3cret" not in api.log.read_text()


def test_sigterm_in_the_middle_of_an_answer(start_api, client, llm):
    api = start_api(LLM_URL=f"{llm.url}/v1", **LONG)
    ingest(client, api, LIGHTHOUSE)
    body = {**QUESTION, "question": "Write a very long story about the lighthouse."}
    with client.stream("POST", f"{api.url}/query", json=body) as response:
        next(response.iter_lines())
        api.process.terminate()
        try:
            api.process.wait(30)
        except subprocess.TimeoutExpired:
            pytest.fail(api.log.read_text())


def test_extract_alone_asks_no_model(start_api, client):
    api = start_api(LLM_URL="http://127.0.0.1:1/v1", RAG_ANSWERS="extract")
    ingest(client, api, LIGHTHOUSE)
    sent = lines(client, api)
    assert [line["type"] for line in sent] == ["sources", "extract", "done"]
    whole = client.post(f"{api.url}/query", json={**QUESTION, "stream": False}).json()
    assert whole["answer"].startswith("It is 31 metres tall. [1]") and whole["notice"] is None
