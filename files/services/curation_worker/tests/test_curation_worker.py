"""Pages come into the index, each text once, and what cannot be ingested is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from conftest import Relay, wait_until
from service_common import heartbeat

SHIPS = "Ferries land at the northern quay of the harbour every half hour."
BREAD = "A sourdough starter is fed with flour and water once a day."
BEES = "Honey bees dance on the comb to tell where flowers are."


def test_pages_are_ingested_with_their_source(stack, monkeypatch, capsys):
    stack.crawl("https://example.org/ships#top", SHIPS, title="Ships ")
    stack.work()
    stack.settle()
    # Later ones too.
    stack.crawl("https://example.org/bread", BREAD, title=" \n")
    wait_until(lambda: stack.api.documents() == 2)
    stack.settle()
    source = stack.api.first_source("Where do ferries land?")
    assert (source["title"], source["source"]) == ("Ships", "https://example.org/ships")
    assert source["document"].startswith("web-")
    assert stack.api.first_source("sourdough")["title"] == "https://example.org/bread"
    assert stack.failures() == []
    monkeypatch.setenv("HEARTBEAT_FILE", str(stack.folder / "heartbeat"))
    assert heartbeat.main(["--max-age-s", "60"]) == 0


def test_long_page_becomes_several_passages(stack):
    text = "\n\n".join(f"Paragraph {n} is about topic{n}. " + "word " * 120 for n in range(9))
    stack.crawl("https://example.org/long", text)
    stack.work()
    stack.settle()
    assert stack.api.ask("GET", "/ready")[1]["index"] == {"documents": 1, "passages": 9}
    assert "topic7" in stack.api.first_source("topic7")["text"]


def test_newer_crawl_replaces_and_same_content_changes_nothing(stack):
    worker = stack.work()
    url = "https://example.org/page"
    for text in (SHIPS, SHIPS, BREAD):
        stack.crawl(url, text)
        stack.settle()
    worker.says("ingested", 3)
    assert worker.log.read_text().count(", 0 passages written") == 1
    assert stack.api.documents() == 1
    assert stack.api.first_source("ferries")["text"] == BREAD


def test_same_text_elsewhere_is_a_duplicate_until_the_first_one_changes(stack):
    worker = stack.work()
    first, second = "https://example.org/a", "https://mirror.example.org/a"
    stack.crawl(first, SHIPS)
    stack.settle()
    stack.crawl(second, f"  {SHIPS.upper()}\n\n")
    stack.settle()
    worker.says("duplicate 'https://mirror.example.org/a'")
    assert stack.api.documents() == 1
    assert stack.api.first_source("ferries")["source"] == first

    # Now nobody has that text in the index any more, so the second one gets its turn.
    stack.crawl(first, BREAD)
    wait_until(lambda: stack.api.documents() == 2)
    stack.settle()
    assert stack.api.first_source("ferries")["source"] == second
    assert stack.failures() == []


def test_page_that_becomes_a_duplicate_leaves_the_index(stack):
    worker = stack.work()
    first, second = "https://example.org/a", "https://example.org/b"
    stack.crawl(first, SHIPS)
    stack.crawl(second, BREAD)
    stack.settle()
    stack.crawl(second, SHIPS)
    stack.settle()
    worker.says("duplicate")
    assert stack.api.documents() == 1
    # And one that is none any more comes back, and is nobody's duplicate then.
    stack.crawl(second, BEES)
    stack.settle()
    stack.crawl(first, BREAD)
    stack.settle()
    assert stack.api.documents() == 2
    assert stack.api.first_source("bees")["source"] == second
    assert stack.api.first_source("sourdough")["source"] == first
    assert stack.redis.keys("curation:duplicates:*") == []
    assert stack.redis.xlen("crawl:results") == 5


def poisons(stack):
    """Return entries that can never be ingested, each with a part of the reason."""
    library = stack.folder / "library"
    good = stack.write("https://example.org/outside", SHIPS)
    outside = stack.folder / "outside.json"
    outside.write_bytes((library / good["file"]).read_bytes())
    (library / "link.json").symlink_to(outside)
    (library / "folder.json").mkdir()
    (library / "bad.json").write_text("{")
    (library / "binary.json").write_bytes(b"\xff\xfe\x00")
    (library / "list.json").write_text("[]")
    (library / "deep.json").write_text("[" * 100_000)
    os.mkfifo(library / "pipe.json")
    with (library / "huge.json").open("wb") as huge:
        huge.truncate(33 << 20)
    entry = {"url": "https://example.org/poison", "sha256": good["sha256"]}
    yield {**entry, "file": "none.json"}, "No such file"
    yield {**entry, "file": "../outside.json"}, "leads out of the library"
    yield {**entry, "file": str(outside)}, "leads out of the library"
    yield {**entry, "file": "link.json"}, "leads out of the library"
    yield {**entry, "file": "folder.json"}, "is no file"
    yield {**entry, "file": "pipe.json"}, "is no file"
    yield {**entry, "file": "huge.json"}, "allowed 33554432"
    yield {**entry, "file": "a\0b"}, "cannot be read"
    yield {**entry, "file": "bad.json"}, "is no JSON"
    yield {**entry, "file": "binary.json"}, "is no JSON"
    yield {**entry, "file": "list.json"}, "is no JSON object"
    yield {**entry, "file": "deep.json"}, "is no JSON"
    yield {"nothing": "known"}, "'' is no file"
    yield {**good, "sha256": "0" * 64}, "the entry says '0000"
    wrong = {"sha256": "1" * 64}
    yield stack.write("https://example.org/h", "text", **wrong), "the file says 1111"
    yield stack.write("https://example.org/i", " \n"), "has no text"
    yield stack.write("https://example.org/j", "text", title=None), "`title` is missing"
    yield stack.write("https://example.org/k", "text", url="file:///etc"), "is no http address"
    yield stack.write("https://example.org/l", "text", title="\ud800"), "surrogate"
    # The API's own refusal.
    yield stack.write("https://example.org/" + "m" * 5000, "text"), "HTTP 422"


def test_poison_is_recorded_and_holds_nothing_up(stack):
    expected = []
    for fields, reason in poisons(stack):
        stack.redis.xadd("crawl:results", fields)
        expected.append((fields.get("url", ""), reason))
    stack.crawl("https://example.org/good", BREAD)
    worker = stack.work()
    worker.says("ingested 'https://example.org/good'")
    stack.settle()
    failures = {(failed["url"], failed["reason"]) for failed in stack.failures()}
    for url, part in expected:
        assert [1 for found, reason in failures if found == url and part in reason], (url, part)
    assert len(stack.failures()) == len(expected)
    assert all(failed["at"].endswith("+00:00") for failed in stack.failures())
    assert stack.api.documents() == 1
    assert "Traceback" not in worker.log.read_text()


def test_poison_may_still_come_right(stack):
    fields = stack.write("https://example.org/late", SHIPS)
    path = stack.folder / "library" / fields["file"]
    content = path.read_bytes()
    path.unlink()
    stack.redis.xadd("crawl:results", fields)
    worker = stack.work(CURATION_MAX_DELIVERIES=50)
    worker.says("delivery 1 of 50")
    path.write_bytes(content)
    stack.settle()
    assert stack.api.documents() == 1
    assert stack.failures() == []


def test_page_crawled_again_before_its_first_entry_was_read(stack):
    stack.crawl("https://example.org/a", SHIPS)
    stack.crawl("https://example.org/a", BREAD)
    worker = stack.work()
    stack.settle()
    worker.says("passed over 'https://example.org/a'")
    assert stack.failures() == []
    assert stack.api.first_source("ferries")["text"] == BREAD


def test_too_long_for_the_api(stack_without_api):
    stack = stack_without_api
    stack.api.start(RAG_MAX_BODY_KIB=1)
    stack.crawl("https://example.org/a", "word " * 1000)
    stack.work()
    stack.settle()
    assert "HTTP 413" in stack.failures()[0]["reason"]


def test_api_down_loses_neither_entry_nor_heartbeat(stack_without_api):
    stack = stack_without_api
    stack.crawl("https://example.org/a", SHIPS)
    worker = stack.work(CURATION_NAME="first")
    worker.says("refused", 2)
    # A second worker takes nothing over from one that only waits.
    second = stack.work(CURATION_NAME="second")
    second.says("ready")
    old = time.time() - 1000
    os.utime(worker.heartbeat, (old, old))
    worker.says("refused", 3)
    assert worker.heartbeat.stat().st_mtime > old + 500
    (pending,) = stack.redis.xpending_range("crawl:results", "curators", "-", "+", 9)
    assert (pending["consumer"], pending["times_delivered"]) == ("first", 1)
    stack.api.start()
    stack.settle()
    assert stack.api.documents() == 1
    assert stack.failures() == []
    assert "ingested" not in second.log.read_text()


def test_wrong_token_is_no_fault_of_the_pages(stack):
    (stack.folder / "secrets/ingest_token").write_text("another")
    stack.crawl("https://example.org/a", SHIPS)
    worker = stack.work()
    worker.says("HTTP 401", 2)
    assert stack.failures() == []
    worker.kill()
    (stack.folder / "secrets/ingest_token").write_text("the-ingest-token")
    second = stack.work()
    stack.settle()
    assert stack.api.documents() == 1
    for each in (worker, second):
        assert "the-ingest-token" not in each.log.read_text()


def test_redis_that_drops_its_clients(stack):
    worker = stack.work()
    worker.says("ready")
    stack.redis.client_kill_filter(_type="normal", skipme=True)
    stack.crawl("https://example.org/a", SHIPS)
    stack.settle()
    assert stack.api.documents() == 1


def test_sigterm_while_the_api_is_down(stack_without_api):
    stack = stack_without_api
    stack.crawl("https://example.org/a", SHIPS)
    worker = stack.work()
    worker.says("refused")
    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(20) == 0
    assert stack.redis.xpending("crawl:results", "curators")["pending"] == 1
    stack.api.start()
    stack.work()
    stack.settle()
    assert stack.api.documents() == 1


def test_sigterm_finishes_the_entry_in_hand(stack):
    relay = Relay(stack.api.port)
    worker = stack.work(RAG_API_URL=f"http://127.0.0.1:{relay.port}")
    worker.says("ready")

    def seen(side, data, forward):
        if b"POST /ingest" in data:
            worker.process.send_signal(signal.SIGTERM)
        forward()

    relay.seen = seen
    stack.crawl("https://example.org/a", SHIPS)
    stack.crawl("https://example.org/b", BREAD)
    assert worker.process.wait(20) == 0
    assert worker.log.read_text().endswith("passages written\nended by SIGTERM\n")
    assert stack.redis.xpending("crawl:results", "curators")["pending"] == 0
    assert stack.api.documents() == 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"SECRETS_DIR": "/nonexistent"}, "secret ingest_token: is missing or empty"),
        ({"CURATION_MAX_DELIVERIES": "0"}, "CURATION_MAX_DELIVERIES = '0': allowed"),
    ],
)
def test_wrong_settings(stack, settings, said):
    ended = subprocess.run(
        [sys.executable, "-m", "curation_worker"],
        env=stack.environment(**settings), capture_output=True, text=True, check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith(said)


def test_ledger_says_what_is_there(stack):
    stack.work()
    stack.crawl("https://example.org/a", SHIPS)
    stack.settle()
    duplicate = stack.crawl("https://example.org/b", SHIPS)
    stack.settle()
    ((content, owner),) = stack.redis.hgetall("curation:content").items()
    documents = stack.redis.hgetall("curation:documents")
    assert len(documents) == 2 and set(documents.values()) == {content}
    ((waiting, fields),) = stack.redis.hgetall(f"curation:duplicates:{content}").items()
    assert {owner, waiting} == set(documents)
    assert json.loads(fields) == [
        "file", duplicate["file"], "url", duplicate["url"], "sha256", duplicate["sha256"],
    ]


def test_two_workers_with_the_same_text_in_hand(stack):
    relay = Relay(stack.api.port)
    held = threading.Event()
    release = threading.Event()

    def seen(side, data, forward):
        if b"POST /ingest" in data:
            held.set()
            assert release.wait(30)
        forward()

    relay.seen = seen
    patient = {"CURATION_RECLAIM_IDLE_S": 600}
    slow = stack.work(
        CURATION_NAME="slow", RAG_API_URL=f"http://127.0.0.1:{relay.port}", **patient
    )
    stack.crawl("https://example.org/slow", SHIPS)
    assert held.wait(30)
    quick = stack.work(CURATION_NAME="quick", **patient)
    stack.crawl("https://example.org/quick", SHIPS)
    quick.says("ingested 'https://example.org/quick'")
    release.set()
    stack.settle()
    slow.says("duplicate 'https://example.org/slow'")
    assert stack.api.documents() == 1
    assert stack.api.first_source("ferries")["source"] == "https://example.org/quick"
