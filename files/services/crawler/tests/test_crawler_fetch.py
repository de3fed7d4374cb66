"""Requests against real servers."""

from __future__ import annotations

import gzip
import shutil
import ssl
import subprocess
import threading
from dataclasses import replace

import pytest
from conftest import ARTICLE, Handler, Server, Site, fetcher_for
from crawler import urls
from crawler.allow import Allow
from crawler.fetch import Fetcher, NotFetched, resolve

LIMIT = 100_000


def get(fetcher: Fetcher, site: Site, path: str = "/", host: str = "site.test") -> bytes:
    return fetcher.get(urls.parse(f"http://{host}:{site.port}{path}"), LIMIT).body


@pytest.fixture
def fetcher(site):
    return fetcher_for(f"site.test:{site.port}")


def test_says_who_it_is_and_whom_it_means(site, fetcher):
    assert get(fetcher, site) == ARTICLE.encode()
    [(_, headers)] = site.asked
    assert headers["Host"] == f"site.test:{site.port}"
    assert headers["User-Agent"] == "xnai-crawler/1.0"


def test_a_proxy_of_the_environment_is_not_asked(site, fetcher, new_site, monkeypatch):
    proxy = new_site()
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    assert get(fetcher, site) == ARTICLE.encode()
    assert proxy.asked == []


def test_the_checked_address_is_connected_to_and_no_second_answer(site, new_site):
    """Rebinding: the name's second answer is an address that is not allowed.

    127.0.0.2 stands for a public address here: the list allows it, and not 127.0.0.1.
    """
    harmless = new_site("127.0.0.2", site.port)
    harmless.page("/", "harmless")
    answers = iter([["127.0.0.2"], ["127.0.0.1"]])
    asked = []

    def resolver(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    fetcher = Fetcher(
        Allow.of([f"rebind.test:{site.port}"], ["127.0.0.2"]), "xnai-crawler/1.0", 10, resolver
    )
    assert get(fetcher, site, host="rebind.test") == b"harmless"
    assert asked == ["rebind.test"]
    with pytest.raises(NotFetched, match=r"127\.0\.0\.1.*CRAWLER_ALLOWED_PRIVATE"):
        get(fetcher, site, host="rebind.test")
    assert site.asked == []
    assert harmless.paths() == ["/"]


@pytest.mark.parametrize(
    "found",
    [["127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["127.0.0.1", "93.184.216.34"],
     ["::ffff:127.0.0.1"], ["64:ff9b::7f00:1"], ["fe80::1%eth0"], ["10.0.0.1"]],
)
def test_one_private_address_is_enough_to_refuse(site, found):
    fetcher = fetcher_for(f"mixed.test:{site.port}", mixed_test=found)
    fetcher = replace(fetcher, allow=replace(fetcher.allow, private_sites=frozenset()))
    with pytest.raises(NotFetched, match="is not the public internet's"):
        get(fetcher, site, host="mixed.test")
    assert site.asked == []


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "localhost"])
def test_other_spellings_of_loopback(site, host):
    """The system's resolver knows them all; the address decides."""
    fetcher = fetcher_for(f"{host}:{site.port}")
    fetcher = replace(
        fetcher, resolver=resolve, allow=replace(fetcher.allow, private_sites=frozenset())
    )
    with pytest.raises(NotFetched):
        get(fetcher, site, host=host)
    assert site.asked == []


def test_an_unlisted_site_is_not_asked(site, fetcher):
    with pytest.raises(NotFetched, match="CRAWLER_ALLOWED_DOMAINS"):
        get(fetcher, site, host="other.test")
    assert site.asked == []


def test_nobody_answers():
    with pytest.raises(NotFetched, match=r"site\.test.*refused"):
        fetcher_for("site.test:1").get(urls.parse("http://site.test:1/"), LIMIT)


def test_a_name_without_address():
    fetcher = fetcher_for("none.test", none_test=[])
    with pytest.raises(NotFetched, match="no address"):
        fetcher.get(urls.parse("http://none.test/"), LIMIT)


def test_limits_hold_for_stated_unstated_and_unpacked_sizes(site, fetcher):
    site.page("/exact", b"x" * LIMIT)
    site.page("/large", b"x" * (LIMIT + 1))
    site.page("/bomb", gzip.compress(b"x" * 50_000_000), Content_Encoding="gzip")
    site.page("/packed", gzip.compress(b"fine"), Content_Encoding="gzip")

    def endless(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "text/html")
        handler.end_headers()
        handler.close_connection = True
        for _ in range(100):
            handler.wfile.write(b"x" * 65536)

    site.pages["/endless"] = endless
    assert get(fetcher, site, "/exact") == b"x" * LIMIT
    assert get(fetcher, site, "/packed") == b"fine"
    for path in ("/large", "/bomb", "/endless"):
        with pytest.raises(NotFetched, match="CRAWLER_MAX_BYTES"):
            get(fetcher, site, path)


def test_what_ends_early_is_not_a_page(site, fetcher):
    def short(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"half")
        handler.close_connection = True

    site.pages["/short"] = short
    site.page("/short.gz", gzip.compress(b"x" * 5000)[:-12], Content_Encoding="gzip")
    site.page("/br", b"xx", Content_Encoding="br")
    site.pages["/garbage"] = lambda handler: handler.wfile.write(b"\x00\xff not http\r\n\r\n")
    for path in ("/short", "/short.gz", "/br", "/garbage"):
        with pytest.raises(NotFetched):
            get(fetcher, site, path)


@pytest.mark.parametrize("part", ["head", "body"])
def test_the_time_is_for_the_whole_request(site, part):
    """A server that sends a byte now and then does not get its time back each time."""
    over = threading.Event()

    def drip(handler):
        if part == "body":
            handler.send_response(200)
            handler.end_headers()
        while not over.wait(0.05):
            handler.wfile.write(b"X")
            handler.wfile.flush()

    site.pages["/drip"] = drip
    fetcher = fetcher_for(f"site.test:{site.port}", timeout_s=0.5)
    try:
        with pytest.raises(NotFetched, match="took longer"):
            get(fetcher, site, "/drip")
    finally:
        over.set()


@pytest.fixture
def tls_site(new_site, tmp_path):
    """An HTTPS site whose certificate says site.test, and the names that clients asked for."""
    openssl = shutil.which("openssl")
    assert openssl, "sudo apt-get install openssl"
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=site.test", "-addext",
         "subjectAltName=DNS:site.test", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )
    names: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    made = Site(server.server_address[1])
    made.page("/", ARTICLE)
    server.site = made
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield made, ssl.create_default_context(cafile=str(certificate)), names
    server.shutdown()
    server.server_close()


def test_certificates_are_checked_against_the_name(tls_site):
    site, trusting, names = tls_site
    fetcher = fetcher_for(f"site.test:{site.port}", f"other.test:{site.port}")
    page = urls.parse(f"https://site.test:{site.port}/")
    assert replace(fetcher, tls=trusting).get(page, LIMIT).body == ARTICLE.encode()
    assert names == ["site.test"]
    with pytest.raises(NotFetched, match="CERTIFICATE_VERIFY_FAILED"):
        fetcher.get(page, LIMIT)
    with pytest.raises(NotFetched, match="CERTIFICATE_VERIFY_FAILED"):
        replace(fetcher, tls=trusting).get(urls.parse(f"https://other.test:{site.port}/"), LIMIT)
    assert len(site.asked) == 1
