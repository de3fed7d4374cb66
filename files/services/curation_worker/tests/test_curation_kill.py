"""SIGKILL at chosen and at random moments: nothing is lost, nothing is there twice."""

from __future__ import annotations

import random

import pytest
from conftest import Relay, wait_until

TEXTS = [f"Text number {n} is about subject{n} and nothing else." for n in range(3)]

# (where, what is seen there, whether it is passed on before the kill)
MOMENTS = {
    "the entry was handed out, the worker never saw it": ("redis back", b"crawled/", False),
    "before the API got it": ("api out", b"POST /ingest", False),
    "the API is at it": ("api out", b"POST /ingest", True),
    "the API has it, the worker does not know": ("api back", b'"ingested"', False),
    "ingested, not recorded": ("redis out", b"curation:duplicates:", False),
    "recorded, the worker does not know": ("redis back", b"*2\r\n:1\r\n", False),
}


# A successor by another name waits until the entry has been idle: three of the six will do.
SUCCESSORS = [
    *((moment, "first") for moment in MOMENTS), *((moment, "second") for moment in [*MOMENTS][::2])
]


@pytest.mark.parametrize(("moment", "successor"), SUCCESSORS)
def test_killed_at(stack, moment, successor):
    place, mark, passed_on = MOMENTS[moment]
    relays = {"redis": Relay(stack.server.port), "api": Relay(stack.api.port)}
    # The second of three: one before, one after.
    count = 0
    worker = None

    def seen_at(name):
        def seen(side, data, forward):
            nonlocal count
            if f"{name} {side}" == place and mark in data:
                count += 1
                if count == 2:
                    if passed_on:
                        forward()
                    worker.kill()
                    return
            forward()

        return seen

    for name, relay in relays.items():
        relay.seen = seen_at(name)
    for n, text in enumerate(TEXTS):
        stack.crawl(f"https://example.org/{n}", text)
    worker = stack.work(
        CURATION_NAME="first", REDIS_PORT=relays["redis"].port,
        RAG_API_URL=f"http://127.0.0.1:{relays['api'].port}",
    )
    wait_until(lambda: worker.process.poll() is not None, worker.log.read_text)
    assert count == 2
    assert not stack.settled()

    stack.work(CURATION_NAME=successor)
    stack.settle()
    assert stack.api.ask("GET", "/ready")[1]["index"] == {"documents": 3, "passages": 3}
    for n, text in enumerate(TEXTS):
        assert stack.api.first_source(f"subject{n}")["text"] == text
    assert stack.redis.hlen("curation:content") == 3
    assert stack.failures() == []


def test_killed_at_random(stack):
    order = random.Random(5)
    # Each text under two URLs, in any order.
    pages = [(f"https://example.org/{n % 20}/{n}", f"Text about subject{n % 20}.")
             for n in range(40)]
    order.shuffle(pages)
    for url, text in pages:
        stack.crawl(url, text)
    settled = 0
    while not stack.settled():
        # Two at once compete for the same texts.
        workers = [stack.work(CURATION_NAME=f"w{n}") for n in range(2)]
        for worker in workers:
            worker.says("ready")
        settled += order.randrange(1, 9)

        def reached(settled=settled):
            return stack.redis.hlen("curation:documents") >= settled or stack.settled()

        wait_until(reached)
        for worker in workers:
            worker.kill()
    assert stack.api.ask("GET", "/ready")[1]["index"] == {"documents": 20, "passages": 20}
    assert stack.redis.hlen("curation:content") == 20
    assert stack.redis.hlen("curation:documents") == 40
    assert stack.failures() == []
