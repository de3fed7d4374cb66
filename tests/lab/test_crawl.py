"""From a job in the Redis stream to an answer; nothing is lost when the curation worker dies."""

from __future__ import annotations

import json
import shlex
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.lab import rag_api
from tests.lab.redis_cli import REDIS, redis
from xnai.lab.deploying import deploy
from xnai.lab.registry import HOST_AS_SEEN_BY_GUESTS
from xnai.lab.waiting import until

pytestmark = pytest.mark.lab

PAGES = {
    "/robots.txt": ("text/plain", "User-agent: *\nAllow: /\nDisallow: /closed\n"),
    "/bell.html": ("text/html", """<html><head><title>The bell of Quillhaven</title></head><body>
        <nav><a href="/">Home</a></nav><article><h1>The bell of Quillhaven</h1>
        <p>The bell of Quillhaven was cast in 1731 by the founder Oderic Plume, who put ship's
        nails into the bronze. It has been rung at every spring tide since.</p>
        <p>Whoever rings it lives in the tower and is chosen by lot each autumn.</p></article>
        </body></html>"""),
    "/ferry.html": ("text/html", """<html><head><title>The ferry of Brackwater</title></head><body>
        <article><h1>The ferry of Brackwater</h1>
        <p>The ferry of Brackwater is drawn across the sound by two oxen on a treadwheel. It takes
        eleven passengers and needs about a quarter of an hour.</p>
        <p>In winter, when the sound freezes, the oxen pull a sledge instead.</p></article>
        </body></html>"""),
}

# In the curation worker's container, which has the pages and what to forget them with.
FORGET = """
import json, shutil, sys
from pathlib import Path
from curation_worker import settings
from curation_worker.api import Api
from curation_worker.ledger import CONTENT, DOCUMENTS
from curation_worker.library import Page
given, redis = settings.read(), settings.connect()
folder = given.library / "crawled" / sys.argv[1]
for path in folder.glob("*.json"):
    fields = json.loads(path.read_text("utf-8"))
    page = Page(fields["url"], fields["title"], fields["text"])
    Api(given.api_url, given.token).remove(page.id)
    redis.hdel(CONTENT, page.content_hash)
    redis.hdel(DOCUMENTS, page.id)
shutil.rmtree(folder, ignore_errors=True)
"""

# In the crawler's container, by its own functions: what it does with pages that it has read.
# All results at once, so that the curation worker has a batch.
BATCH = """
import json, sys
from pathlib import Path
from crawler import library, settings, streams, urls
from crawler.extract import Page
redis = settings.connect()
with redis.pipeline(transaction=True) as results:
    for address, title, text in json.load(sys.stdin):
        url = urls.parse(address)
        content, name = library.document(url, url, Page(title, text)), library.file_name(url)
        library.save(Path("/library"), name, content)
        results.xadd(
            streams.RESULTS, {"file": name, "url": address, "sha256": content["sha256"]}
        )
    results.execute()
"""

# On the machine: waits until the index has so many documents and a moment more, then kills.
KILL = """
import json, os, signal, sys, time, urllib.request
pid, wanted, share = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
def documents():
    with urllib.request.urlopen("http://127.0.0.1:8000/ready", timeout=10) as answer:
        return json.load(answer)["index"]["documents"]
deadline = time.monotonic() + 90
seen, began = documents(), time.monotonic()
first = seen
while seen < wanted and time.monotonic() < deadline:
    if seen == first:
        began = time.monotonic()
    seen = documents()
# Anywhere on the next document's way: read, ingested, acknowledged.
time.sleep(share * (time.monotonic() - began) / max(1, seen - first))
os.kill(pid, signal.SIGKILL)
print(documents())
"""


READY = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8000/ready').read().decode())"
STATE = " && ".join((
    # First: where nothing is left to do by then, what is counted afterwards is all.
    REDIS % "--json xinfo groups crawl:results",
    REDIS % "xlen crawl:failed",
    REDIS % "hlen curation:documents",
    f'python3 -c "{READY}"',
    # Last: whoever has nothing left to do by then runs.
    "xnai-podman inspect --format '{{.State.Pid}} {{.RestartCount}}' xnai_curation_worker",
))


def in_container(machine, service: str, program: str, *words: str, stdin: str = "") -> str:
    """What a Python program says in a container of the stack."""
    argv = shlex.join(["xnai-podman", "exec", "-i", f"xnai_{service}", "python", "-c", program,
                       *words])
    return machine.run(argv, stdin=stdin).stdout


@dataclass(frozen=True)
class State:
    """What the curation worker has done, and what it is."""

    failed: int
    recorded: int
    to_do: int
    documents: int
    passages: int
    pid: int
    restarts: int


def state(machine) -> State:
    """Ask all of it at once: a command of its own for each takes a busy machine seconds."""
    groups, failed, recorded, ready, process = machine.run(STATE).stdout.splitlines()
    (group,) = (one for one in json.loads(groups) if one["name"] == "curators")
    index = json.loads(ready)["index"]
    return State(
        int(failed), int(recorded), group["pending"] + group["lag"],
        index["documents"], index["passages"], *map(int, process.split()),
    )


def curated(machine) -> State:
    """Wait until the curation worker has nothing left to do."""
    found = []
    assert until(
        lambda: found.append(state(machine)) or found[-1].to_do == 0, timeout_s=90, every_s=1
    ), found[-1]
    return found[-1]


class Site(ThreadingHTTPServer):
    """A web site on this host's loopback, which guests see under another address."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked: list[str] = []

    @property
    def authority(self) -> str:
        """Its host and port, as guests see them."""
        return f"{HOST_AS_SEEN_BY_GUESTS}:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    """Serves PAGES."""

    def do_GET(self) -> None:
        """Send a page."""
        self.server.asked.append(self.path)
        content_type, text = PAGES.get(self.path, ("text/plain", ""))
        self.send_response(200 if text else 404)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def site(deployed, tmp_path):
    """A site that the deployed crawler may read; afterwards it may not any more."""
    with Site() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        (tmp_path / "lab.py").write_text(
            '__all__ = ["crawler_allowed_domains", "crawler_allowed_private"]\n'
            f"crawler_allowed_domains = [{HOST_AS_SEEN_BY_GUESTS!r}]\n"
            f"crawler_allowed_private = [{server.authority!r}]\n"
        )
        outcome = deploy(deployed, "--group-data", str(tmp_path))
        assert outcome.code == 0, outcome.log
        yield server
        server.shutdown()
    in_container(deployed, "curation_worker", FORGET, HOST_AS_SEEN_BY_GUESTS)
    back = deploy(deployed)
    assert back.code == 0, back.log


def test_a_page_in_the_stream_ends_as_an_answer(deployed, site):
    bell, ferry, closed = (
        f"http://{site.authority}/{name}" for name in ("bell.html", "ferry.html", "closed")
    )
    failed = int(redis(deployed, "xlen crawl:failed"))
    # By hand, and with the crawler's own command.
    started = time.monotonic()
    redis(deployed, f"xadd crawl:jobs \\* url {bell}")
    deployed.run(f"xnai-podman exec xnai_crawler python -m crawler.add {ferry} {closed}")

    def cited(question: str, url: str) -> bool:
        found = rag_api.sources(deployed, question)
        return bool(found) and found[0]["source"] == url

    asked = {"Who cast the bell of Quillhaven?": bell, "What draws the Brackwater ferry?": ferry}
    for question, url in asked.items():
        assert until(lambda q=question, u=url: cited(q, u), timeout_s=60, every_s=1), (
            redis(deployed, "xrevrange crawl:failed + - count 3"), site.asked,
        )
        print(f"\n{url}: cited {time.monotonic() - started:.1f} s after the first job", flush=True)
    found = rag_api.answer(deployed, "Who cast the bell of Quillhaven?")
    assert found["answer"]
    assert found["sources"][0]["source"] == bell
    assert found["sources"][0]["title"] == "The bell of Quillhaven"
    assert "Oderic Plume" in found["sources"][0]["text"]
    # What the site does not want read was not asked for.
    assert until(
        lambda: int(redis(deployed, "xlen crawl:failed")) == failed + 1, timeout_s=30, every_s=1
    )
    assert "robots.txt forbids" in redis(deployed, "xrevrange crawl:failed + - count 1")
    assert site.asked == ["/robots.txt", "/bell.html", "/ferry.html"]


HOST = "batch.invalid"
BATCH_SIZE = 20
# Each paragraph is one: two together are longer than a passage may be.
PASSAGES = 3


def batch(number: int) -> list[tuple[str, str, str]]:
    """The address, title and text of pages that no other batch has."""
    return [
        (
            f"http://{HOST}/{number}/{page}", f"Page {page} of batch {number}",
            "\n\n".join(
                " ".join(f"word{number}x{page}x{part}x{word}" for word in range(100))
                for part in range(PASSAGES)
            ),
        )
        for page in range(BATCH_SIZE)
    ]


@pytest.mark.drill
def test_a_worker_killed_in_a_batch_loses_and_doubles_nothing(deployed, rng, rounds):
    before = first = curated(deployed)
    # Once in a test of everything, twice as often as other drills in a drill.
    wanted = 1 if rounds == 1 else 2 * rounds
    in_time = 0
    try:
        # A kill that comes when all is done must do no harm either, and counts for nothing more.
        for number in range(3 * wanted):
            # Not the last third: on a busy machine a few more are done before the kill.
            at = before.documents + rng.randrange(BATCH_SIZE * 2 // 3)
            kill = shlex.join(
                ["python3", "-c", KILL, str(before.pid), str(at), str(rng.uniform(0, 1))]
            )
            with ThreadPoolExecutor() as pool:
                killing = pool.submit(deployed.run, kill)
                in_container(deployed, "crawler", BATCH, stdin=json.dumps(batch(number)))
                left = before.documents + BATCH_SIZE - int(killing.result().stdout)
            after = curated(deployed)
            print(f"\nround {number + 1}: killed with {left} of {BATCH_SIZE} to go", flush=True)
            assert 0 <= left <= BATCH_SIZE
            assert after.restarts == before.restarts + 1
            assert after.failed == first.failed
            assert (after.recorded, after.documents, after.passages) == (
                before.recorded + BATCH_SIZE, before.documents + BATCH_SIZE,
                before.passages + BATCH_SIZE * PASSAGES,
            )
            before = after
            in_time += left > 0
            if in_time == wanted:
                break
    finally:
        in_container(deployed, "curation_worker", FORGET, HOST)
    assert in_time == wanted
    last = state(deployed)
    assert (last.documents, last.passages) == (first.documents, first.passages)
