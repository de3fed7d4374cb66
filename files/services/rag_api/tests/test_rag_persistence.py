"""What was acknowledged is there after the service was killed at any moment."""

from __future__ import annotations

import random
import sqlite3
import threading

import httpx
import pytest
from conftest import AUTHORIZED, TOKEN, ingest, wait_until

ROUNDS = 4


def document(number):
    return {
        "id": f"d{number}", "title": f"Document {number}",
        "passages": [f"marker{number} part{part} " + "word " * 60 for part in range(6)],
    }


class Posting(threading.Thread):
    """Ingests two documents a request until the service is gone."""

    def __init__(self, api, first):
        super().__init__()
        self.api = api
        self.next = first
        self.acknowledged = []
        self.unexpected = None

    def run(self):
        with httpx.Client(trust_env=False, timeout=60) as client:
            while True:
                numbers = [self.next, self.next + 1]
                self.next += 2
                try:
                    answer = client.post(
                        f"{self.api.url}/ingest", headers={"Authorization": f"Bearer {TOKEN}"},
                        json={"documents": [document(number) for number in numbers]},
                    )
                except httpx.HTTPError:
                    return
                if answer.status_code != 200:
                    self.unexpected = answer.text
                    return
                self.acknowledged += numbers


def test_sigkill_in_the_middle_of_ingests(start_api, tmp_path, client):
    order = random.Random(11)
    acknowledged = []
    number = 0
    for _ in range(ROUNDS):
        posting = Posting(start_api(), number)
        posting.start()
        wanted = order.randrange(4, 40)

        def reached(posting=posting, wanted=wanted):
            return len(posting.acknowledged) >= wanted or not posting.is_alive()

        # The kill comes while the next request is somewhere between socket and disk.
        wait_until(reached)
        posting.api.kill()
        posting.join()
        assert posting.unexpected is None
        acknowledged += posting.acknowledged
        number = posting.next
    assert len(acknowledged) >= 4 * ROUNDS

    api = start_api()
    ready = client.get(f"{api.url}/ready").json()["index"]
    # Of the requests under way at a kill, each with two documents, every one is whole or absent.
    assert ready["documents"] % 2 == 0
    assert ready["passages"] == 6 * ready["documents"]
    assert len(acknowledged) <= ready["documents"] <= len(acknowledged) + 2 * ROUNDS
    for each in acknowledged:
        assert ingest(client, api, document(each)) == {
            "ingested": 0, "unchanged": 1, "passages": 0,
        }
    sample = order.choice(sorted(acknowledged))
    first = client.post(
        f"{api.url}/query", json={"question": f"marker{sample}", "stream": False}
    ).json()["sources"][0]
    assert first["document"] == f"d{sample}"
    api.kill()

    with sqlite3.connect(tmp_path / "data/index.sqlite3") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        # Raises where the words and the texts have come apart.
        db.execute("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)")
    db.close()


def test_restart_keeps_everything(start_api, client):
    api = start_api()
    for number in range(3):
        ingest(client, api, document(number))
    assert client.delete(f"{api.url}/ingest/d1", headers=AUTHORIZED).status_code == 200
    question = {"question": "marker2", "stream": False}
    before = client.post(f"{api.url}/query", json=question).json()
    api.process.terminate()
    api.process.wait(20)
    api = start_api()
    assert client.get(f"{api.url}/ready").json()["index"] == {"documents": 2, "passages": 12}
    assert client.post(f"{api.url}/query", json=question).json() == before


@pytest.mark.skipif("not __import__('pathlib').Path('/dev/full').exists()")
def test_nothing_of_a_failed_write_is_kept(start_api, client, tmp_path):
    """A full disk, by a limit on the size of files."""
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, limits[1]))
    try:
        api = start_api()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    kept = 0
    for number in range(200):
        answer = client.post(
            f"{api.url}/ingest", json={"documents": [document(number)]}, headers=AUTHORIZED
        )
        if answer.status_code != 200:
            break
        kept += 1
    assert answer.status_code == 503, answer.text
    assert "index.sqlite3" in answer.json()["detail"]
    assert kept > 3
    # It still answers, and after a restart with space everything acknowledged is there.
    answer = client.post(f"{api.url}/query", json={"question": "marker1", "stream": False})
    assert answer.json()["sources"][0]["document"] == "d1"
    api.kill()
    api = start_api()
    assert client.get(f"{api.url}/ready").json()["index"]["documents"] == kept
    assert ingest(client, api, document(kept))["ingested"] == 1
