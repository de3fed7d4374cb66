"""The whole service as a process, with a real Redis: nothing is lost or doubled."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import ARTICLE, COMMON, SERVICE
from crawler import library, urls
from crawler.streams import FAILED, GROUP, JOBS, KEPT, RESULTS, Job, Jobs

_DEADLINE_S = 30.0


def until(condition: Callable[[], object], what: str) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + _DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {_DEADLINE_S:g} s: {what}"
        time.sleep(0.02)


class Crawler:
    """Starts the service again and again, with one library and one Redis."""

    def __init__(self, directory: Path, environment: dict[str, str]) -> None:
        self.library = directory / "library"
        self.library.mkdir()
        self.heartbeat = directory / "heartbeat"
        self.log = directory / "log"
        self.environment = environment
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, *arguments: str, **changed: str) -> subprocess.Popen[bytes]:
        log = self.log.open("ab")
        return subprocess.Popen(
            [sys.executable, "-m", *arguments], cwd=SERVICE, stdout=log, stderr=log,
            env={
                **self.environment, "LIBRARY_DIR": str(self.library),
                "HEARTBEAT_FILE": str(self.heartbeat), **changed,
            },
        )

    def start(self, **changed: str) -> None:
        self.process = self.run("crawler", **changed)

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()

    def says(self, text: str) -> bool:
        return text in self.log.read_text("utf-8", "replace")

    def documents(self) -> list[dict[str, str]]:
        return [json.loads(path.read_text()) for path in self.library.rglob("*.json")]


@pytest.fixture
def crawler(tmp_path, redis_server, site) -> Iterator[Crawler]:
    """A crawler that is not started yet and may go to the site as localhost."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "redis_password").write_text(redis_server.password + "\n")
    made = Crawler(tmp_path, {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(COMMON), "PYTHONUNBUFFERED": "1",
        "SECRETS_DIR": str(secrets), "REDIS_HOST": redis_server.host,
        "REDIS_PORT": str(redis_server.port), "CRAWLER_DELAY_S": "0",
        "CRAWLER_ALLOWED_DOMAINS": f"localhost:{site.port}",
        "CRAWLER_ALLOWED_PRIVATE": f"localhost:{site.port}",
    })
    yield made
    made.kill()


def add(redis, site, *paths: str) -> list[str]:
    return [redis.xadd(JOBS, {"url": f"http://localhost:{site.port}{path}"}) for path in paths]


def test_a_job_from_the_command_line_to_the_library(crawler, redis, site):
    crawler.start()
    crawler.run("crawler.add", f"http://localhost:{site.port}/", "http://evil.test/").wait()
    assert crawler.says(f"added http://localhost:{site.port}/ as job")
    assert crawler.says("not added: evil.test is not allowed")
    until(lambda: redis.xlen(RESULTS), "a result")
    [(_, result)] = redis.xrange(RESULTS)
    saved = json.loads((crawler.library / result["file"]).read_text())
    assert set(saved) == {"url", "requested_url", "title", "text", "fetched_at", "sha256"}
    assert saved["sha256"] == result["sha256"] == library.text_digest(saved["text"])
    assert result["file"] == library.file_name(urls.parse(saved["requested_url"]))
    assert redis.xlen(JOBS) == 0
    assert redis.xpending(JOBS, GROUP)["pending"] == 0
    assert crawler.heartbeat.exists()
    add(redis, site, "/nothing")
    until(lambda: redis.xlen(FAILED), "a failure")
    [(_, failure)] = redis.xrange(FAILED)
    assert failure["url"].endswith("/nothing") and "HTTP 404" in failure["reason"]
    assert failure["at"]
    crawler.run("crawler.list").wait()
    assert crawler.says("fetched: 1") and crawler.says("failed: 1") and crawler.says("HTTP 404")
    crawler.process.terminate()
    assert crawler.process.wait(_DEADLINE_S) == 0


def test_killed_again_and_again(crawler, redis, site):
    """SIGKILL at each third request, wherever the crawler is then."""
    paths = [f"/page/{number}" for number in range(15)]
    for path in paths:
        site.page(path, ARTICLE.replace("drowned", f"drowned {path}"))
    add(redis, site, *paths)
    kills = 0
    while redis.xlen(RESULTS) < len(paths):
        enough = len(site.asked) + 3
        crawler.start()
        until(
            lambda enough=enough: len(site.asked) >= enough or redis.xlen(RESULTS) == len(paths),
            "three requests",
        )
        crawler.kill()
        kills += 1
        assert kills < 40
    assert kills >= 3
    files = [fields["file"] for _, fields in redis.xrange(RESULTS)]
    assert len(files) == len(set(files)) == len(paths)
    assert len(crawler.documents()) == len(paths)
    assert redis.xpending(JOBS, GROUP)["pending"] == redis.xlen(JOBS) == redis.xlen(FAILED) == 0


def test_killed_between_the_file_and_its_result(crawler, redis, site):
    """Redis stops taking writes while the page is fetched; the file is there, the result not."""

    def page(handler):
        redis.client_pause(60_000, all=False)
        handler.say(200, ARTICLE.encode(), "text/html")

    site.pages["/"] = page
    add(redis, site, "/")
    crawler.start()
    until(crawler.documents, "the file")
    crawler.kill()
    redis.client_unpause()
    assert redis.xlen(RESULTS) == 0
    assert redis.xpending(JOBS, GROUP)["pending"] == 1
    site.page("/", ARTICLE)
    crawler.start()
    until(lambda: redis.xlen(RESULTS), "the result")
    assert redis.xlen(RESULTS) == len(crawler.documents()) == 1
    assert redis.xlen(JOBS) == 0


def test_a_job_that_another_crawler_left_is_taken_over(crawler, redis, site):
    Jobs(redis, "dead", 60).prepare()
    add(redis, site, "/")
    redis.xreadgroup(GROUP, "dead", {JOBS: ">"})
    until(
        lambda: redis.xpending_range(JOBS, GROUP, "-", "+", 1)[0]["time_since_delivered"] > 1000,
        "the job is old enough",
    )
    crawler.start(CRAWLER_RECLAIM_IDLE_S="1")
    until(lambda: redis.xlen(RESULTS), "the result")


def test_a_job_that_ends_the_crawler_each_time_is_given_up(crawler, redis, site):
    Jobs(redis, "crawler", 60).prepare()
    add(redis, site, "/")
    redis.xreadgroup(GROUP, "crawler", {JOBS: ">"})
    for _ in range(4):
        redis.xreadgroup(GROUP, "crawler", {JOBS: "0"})
    crawler.start()
    until(lambda: redis.xlen(FAILED), "the failure")
    assert "given up" in redis.xrange(FAILED)[0][1]["reason"]
    assert site.asked == []


def test_a_page_that_needs_too_much_memory_is_a_failure_and_not_the_end(crawler, redis, site):
    site.page("/large", "<table>" + "<tr><td>c" * 220_000)
    add(redis, site, "/large", "/")
    crawler.start(CRAWLER_PAGE_MIB="32")
    until(lambda: redis.xlen(RESULTS), "the result of the next one")
    # The parsers' own error, where they notice that there is no more.
    assert re.match("the page (needs more|cannot be read)", redis.xrange(FAILED)[0][1]["reason"])
    assert crawler.process.poll() is None
    until(
        lambda: not Path(f"/proc/{crawler.process.pid}/task/{crawler.process.pid}/children")
        .read_text().strip(),
        "no child left",
    )


def test_strange_entries_do_not_stop_it(crawler, redis, site):
    redis.xadd(JOBS, {"link": "x"})
    redis.xadd(JOBS, {"url": "\x1b[2J"})
    redis.xadd(JOBS, {"url": "http://localhost/" + "a" * 10_000})
    [deleted] = add(redis, site, "/deleted")
    Jobs(redis, "crawler", 60).prepare()
    redis.xreadgroup(GROUP, "crawler", {JOBS: ">"})
    redis.xdel(JOBS, deleted)
    add(redis, site, "/")
    crawler.start()
    until(lambda: redis.xlen(RESULTS), "the result of the good one")
    until(lambda: redis.xpending(JOBS, GROUP)["pending"] == 0, "none pending")
    assert redis.xlen(FAILED) >= 3


def test_a_library_that_cannot_be_written_to_fails_no_job(crawler, redis, site):
    blocked = crawler.library / "crawled"
    blocked.write_text("a file where a directory should be")
    add(redis, site, "/")
    crawler.start()
    until(lambda: crawler.says("cannot write"), "the complaint")
    assert redis.xlen(FAILED) == redis.xlen(RESULTS) == 0
    blocked.unlink()
    until(lambda: redis.xlen(RESULTS), "the result")
    assert site.paths().count("/") == 1


def test_redis_away_then_back(crawler, redis, site):
    """It waits without a heartbeat, and ends cleanly while waiting."""
    crawler.start(REDIS_PORT="1")
    until(lambda: crawler.log.exists() and crawler.says("Redis: ConnectionError"), "the complaint")
    assert not crawler.heartbeat.exists()
    crawler.process.terminate()
    assert crawler.process.wait(_DEADLINE_S) == 0
    add(redis, site, "/")
    crawler.start()
    until(lambda: redis.xlen(RESULTS), "the result")
    # Redis lost its data: the group is made again.
    redis.flushall()
    add(redis, site, "/")
    until(lambda: redis.xlen(RESULTS), "the result after the loss")


def test_wrong_settings_end_it_with_a_sentence(crawler):
    for name, value in {
        "CRAWLER_MAX_BYTES": "lots", "CRAWLER_ALLOWED_DOMAINS": "https://example.org/",
        "CRAWLER_ALLOWED_PRIVATE": "10.0.0.0/99",
    }.items():
        process = crawler.run("crawler", **{name: value})
        assert process.wait(_DEADLINE_S) == 1
        assert crawler.says(name)
    assert not crawler.says("Traceback")


def test_results_are_trimmed_only_where_every_group_is_done(redis):
    jobs = Jobs(redis, "crawler", 60)
    jobs.prepare()
    redis.xgroup_create(RESULTS, "curators", id="0", mkstream=True)

    def record(count: int) -> None:
        with redis.pipeline(transaction=False) as pipeline:
            for number in range(count):
                pipeline.xadd(RESULTS, {"file": str(number)})
            pipeline.execute()
        redis.xadd(JOBS, {"url": "x"})
        [(_, [(entry, _)])] = redis.xreadgroup(GROUP, "crawler", {JOBS: ">"})
        jobs.succeeded(Job(entry, "x", 1), "file", "url", "digest")

    record(KEPT + 2000)
    assert redis.xlen(RESULTS) == KEPT + 2001, "unread ones stay"
    [(_, read)] = redis.xreadgroup("curators", "c", {RESULTS: ">"}, count=1500)
    acked = [entry for entry, _ in read]
    redis.xack(RESULTS, "curators", *acked[:1000])
    record(0)
    left = redis.xlen(RESULTS)
    assert KEPT + 1000 <= left < KEPT + 2000, "of the acknowledged ones most are gone"
    assert redis.xrange(RESULTS, acked[1000], acked[1000]), "the oldest pending one is there"
    # A job that ended elsewhere is not recorded a second time.
    jobs.succeeded(Job("1-1", "x", 1), "file", "url", "digest")
    assert redis.xlen(RESULTS) == left
