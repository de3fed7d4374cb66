"""Robots, redirects, politeness, and what is made of a page."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from conftest import ARTICLE, PARAGRAPH, Site, fetcher_for
from crawler import library
from crawler.fetch import NotFetched
from crawler.settings import Settings
from crawler.worker import Worker
from service_common.apart import Limits
from service_common.texts import decoded

LIMITS = Limits(cpu_s=10, more_mib=160)


def worker_for(*sites: Site, page: Limits = LIMITS, **names: list[str]) -> Worker:
    """A worker that may go to the sites under site.test, other.test and elsewhere.test."""
    hosts = [f"{name}.test:{site.port}" for site in sites for name in ("site", "other")]
    fetcher = fetcher_for(*hosts, **names)
    settings = Settings(
        fetcher.allow, fetcher.user_agent, 1_000_000, page, 10, 0, 5, 60, 5, "test",
        Path("/nonexistent"),
    )
    return Worker(settings, fetcher, lambda: None)


def url(site: Site, path: str = "/", host: str = "site.test") -> str:
    return f"http://{host}:{site.port}{path}"


def test_a_page(site):
    fetched = worker_for(site).fetch(url(site, "/#part"))
    assert fetched.content["title"] == "The drowned street"
    assert PARAGRAPH.strip() in fetched.content["text"]
    assert "Home" not in fetched.content["text"]
    assert fetched.content["url"] == fetched.content["requested_url"] == url(site)
    assert fetched.content["sha256"] == library.text_digest(fetched.content["text"])
    assert fetched.file == worker_for(site).fetch(url(site)).file


ROBOTS = {
    "User-agent: *\nDisallow: /\n": False,
    "User-agent: xnai-crawler\nDisallow: /\n\nUser-agent: *\nAllow: /\n": False,
    "User-agent: XNAI-Crawler\nDisallow: /a\n": False,
    "User-agent: other\nDisallow: /\n": True,
    # the longest match wins, whatever the order
    "User-agent: *\nDisallow: /\nAllow: /a\n": True,
    "User-agent: *\nAllow: /a\nDisallow: /a/b\n": False,
    "User-agent: *\nDisallow: /*.html$\n": False,
    "\ufeffUser-agent: *\r\nDisallow: /a\r\n": False,
    "": True,
    "<html>not a robots.txt</html>": True,
    "\x00\xff\xfe": True,
}


@pytest.mark.parametrize("robots", ROBOTS)
def test_robots(site, robots):
    site.page("/robots.txt", robots, "text/plain")
    site.page("/a/b.html", ARTICLE)
    if ROBOTS[robots]:
        worker_for(site).fetch(url(site, "/a/b.html"))
    else:
        with pytest.raises(NotFetched, match=r"robots\.txt forbids"):
            worker_for(site).fetch(url(site, "/a/b.html"))
        assert site.paths() == ["/robots.txt"]


@pytest.mark.parametrize(("status", "allowed"), [(401, True), (403, True), (404, True),
                                                 (410, True), (500, False), (503, False)])
def test_robots_that_is_not_there(site, status, allowed):
    """RFC 9309, 2.3.1.3 and 2.3.1.4."""
    site.page("/robots.txt", b"", status=status)
    if allowed:
        worker_for(site).fetch(url(site))
    else:
        with pytest.raises(NotFetched, match=f"cannot be read.*HTTP {status}"):
            worker_for(site).fetch(url(site))
        assert site.paths() == ["/robots.txt"]


def test_robots_behind_redirects_and_out_of_reach(site, new_site):
    site.redirect("/robots.txt", "/rules")
    site.page("/rules", "User-agent: *\nDisallow: /\n")
    with pytest.raises(NotFetched, match="forbids"):
        worker_for(site).fetch(url(site))
    site.redirect("/robots.txt", "http://127.0.0.1:1/robots.txt")
    with pytest.raises(NotFetched, match="cannot be read"):
        worker_for(site).fetch(url(site))
    site.redirect("/robots.txt", "/robots.txt")
    with pytest.raises(NotFetched, match="5 redirects"):
        worker_for(site).fetch(url(site))
    assert "/" not in site.paths()


def test_robots_are_read_once_a_site(site):
    worker = worker_for(site)
    for _ in range(3):
        worker.fetch(url(site))
    assert site.paths().count("/robots.txt") == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects(site, status):
    site.redirect("/old", "new?x=1", status)
    site.redirect("/new?x=1", url(site, "/", "other.test"), status)
    fetched = worker_for(site).fetch(url(site, "/old"))
    assert fetched.content["url"] == url(site, "/", "other.test")
    assert fetched.content["requested_url"] == url(site, "/old")


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.1:{port}/secret", "http://[::ffff:127.0.0.1]:{port}/secret",
     "http://elsewhere.test:{port}/secret", "//elsewhere.test:{port}/secret",
     "http://private.site.test:{port}/secret", "file:///etc/passwd", "ftp://site.test/secret",
     "http://u:p@site.test:{port}/secret", "http://site.test:99999/"],
)
def test_redirects_are_checked_like_the_first_url(site, target):
    site.page("/secret", ARTICLE)
    site.redirect("/", target.format(port=site.port))
    with pytest.raises(NotFetched):
        worker_for(site, private_site_test=["127.0.0.1"]).fetch(url(site))
    assert "/secret" not in site.paths()


def test_a_redirect_to_a_forbidden_path_and_round_in_circles(site):
    site.page("/robots.txt", "User-agent: *\nDisallow: /private")
    site.page("/private", ARTICLE)
    site.redirect("/", "/private")
    with pytest.raises(NotFetched, match="forbids /private"):
        worker_for(site).fetch(url(site))
    site.redirect("/", "/")
    with pytest.raises(NotFetched, match="5 redirects"):
        worker_for(site).fetch(url(site))
    assert "/private" not in site.paths()


def test_politeness(site):
    """The pause is between two pages of one host; another host need not wait."""
    site.page("/robots.txt", "User-agent: *\nCrawl-delay: 0.4")
    worker = worker_for(site)
    began = time.monotonic()
    worker.fetch(url(site))
    worker.fetch(url(site))
    assert time.monotonic() - began >= 0.4
    site.page("/robots.txt", "User-agent: *\nCrawl-delay: 3600")
    with pytest.raises(NotFetched, match=r"asks for 3600 s.*CRAWLER_MAX_DELAY_S"):
        worker_for(site).fetch(url(site))


@pytest.mark.parametrize("delay", ["inf", "nan", "-5", "soon"])
def test_nonsense_for_a_delay_is_none(site, delay):
    site.page("/robots.txt", f"User-agent: *\nCrawl-delay: {delay}")
    worker = worker_for(site)
    worker.fetch(url(site))
    worker.fetch(url(site))


@pytest.mark.parametrize("kind", ["application/pdf", "image/png", "application/json", ""])
def test_other_types_are_refused(site, kind):
    site.page("/", ARTICLE, kind)
    with pytest.raises(NotFetched, match="content type"):
        worker_for(site).fetch(url(site))


def test_plain_text(site):
    site.page("/notes/list.txt?v=1", "one\r\ntwo\x1b[31m\0", "text/plain; charset=us-ascii")
    fetched = worker_for(site).fetch(url(site, "/notes/list.txt?v=1"))
    assert fetched.content["text"] == "one\ntwo[31m"
    assert fetched.content["title"] == "list.txt"


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"\x00" * 500, b"\xff\xfe\x00", bytes(range(256)) * 20, b"<" * 5000,
     b"<div>" * 20_000, b"<!--" + b"x" * 5000, b"<html><body><script>a()</script></body></html>",
     b"&#xD800;&#0;&#x110000;"],
)
def test_garbage_ends_as_a_failure_or_as_text(site, body):
    site.page("/", body)
    try:
        fetched = worker_for(site).fetch(url(site))
    except NotFetched as error:
        assert str(error)
    else:
        assert fetched.content["text"].encode()


def test_a_page_that_takes_too_long_ends_as_a_failure(site):
    """With less time than in the service; the extraction of many paragraphs is quadratic."""
    site.page("/", "<article>" + "<p>x" * 80_000)
    with pytest.raises(NotFetched, match=r"more than 1 s \(CRAWLER_PAGE_CPU_S\)"):
        worker_for(site, page=Limits(1, 160)).fetch(url(site))
    site.page("/", ARTICLE)
    assert worker_for(site).fetch(url(site)).content["title"] == "The drowned street"
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


GREETING = "Grüße aus Köln: 3 € „schön“"


@pytest.mark.parametrize(
    ("body", "charset", "expected"),
    [
        (GREETING.encode(), None, GREETING),
        (GREETING.encode(), "iso-8859-1", GREETING),
        (GREETING.encode(), "us-ascii", GREETING),
        (GREETING.encode(), "no-such-thing", GREETING),
        (GREETING.encode("cp1252"), None, GREETING),
        (GREETING.encode("cp1252"), "iso-8859-1", GREETING),
        (GREETING.encode("cp1252"), "utf-8", GREETING),
        (GREETING.encode("utf-8-sig"), "cp1252", GREETING),
        (GREETING.encode("utf-16"), None, GREETING),
        (GREETING.encode("utf-16-le"), "utf-16-le", GREETING),
        ("日本語".encode("shift_jis"), "shift_jis", "日本語"),
        ("日本語".encode("iso2022_jp"), "iso-2022-jp", "日本語"),
        (b'<meta charset="koi8-r">' + "привет".encode("koi8_r"), None,
         '<meta charset="koi8-r">привет'),
        (b"\x81\x8d\xff", None, "\ufffd\ufffdÿ"),
        (b"abc", "hex", "abc"),
    ],
)
def test_encodings(body, charset, expected):
    assert decoded(body, charset) == expected


def test_an_empty_list_allows_nothing_and_says_how_to_allow(site):
    with pytest.raises(NotFetched, match=r"list is empty.*add it to CRAWLER_ALLOWED_DOMAINS"):
        worker_for().fetch(url(site))
    assert site.asked == []
