"""What the server answers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import COMMON, DEADLINE_S, SERVICE
from docs_server import site as sites


def test_pages(docs, build):
    site, _ = build
    status, headers, body = docs.ask("/")
    assert status == 200 and body == (site / "index.html").read_bytes()
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert docs.ask("/trouble/")[2] == (site / "trouble/index.html").read_bytes()
    assert docs.ask("/trouble/?x=1#y")[0] == 200
    assert docs.ask("/%74rouble/")[0] == 200
    assert docs.ask("http://localhost/trouble/")[0] == 200


def test_a_directory_without_its_slash_is_redirected(docs):
    status, headers, _ = docs.ask("/trouble")
    assert (status, headers["Location"]) == (301, "trouble/")


def test_head_is_get_without_the_body(docs):
    got, head = docs.ask("/"), docs.ask("/", "HEAD")
    assert head[2] == b""
    assert {**head[1], "Date": ""} == {**got[1], "Date": ""}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.html", "text/html; charset=utf-8"), ("a.css", "text/css; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"), ("a.json", "application/json; charset=utf-8"),
        ("a.svg", "image/svg+xml; charset=utf-8"), ("a.png", "image/png"),
        ("a.woff2", "font/woff2"), ("sitemap.xml.gz", "application/gzip"),
        ("a.js.map", "application/json; charset=utf-8"), ("a.unknown", "application/octet-stream"),
        ("a.xml", "text/xml; charset=utf-8"),
    ],
)
def test_content_types(name, expected):
    assert sites.content_type(name) == expected


@pytest.mark.parametrize(
    "target",
    [
        "/../secret.txt", "/../../../../../../etc/passwd", "//etc/passwd", "/etc/passwd",
        "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/%2e%2e%2fsecret.txt", "/..%5csecret.txt",
        "/..\\secret.txt", "/%252e%252e/secret.txt", "/trouble/../../secret.txt",
        "/trouble/..%2f..%2fsecret.txt", "/./../secret.txt", "/....//secret.txt",
        "/%c0%ae%c0%ae/secret.txt", "/secret.txt%00.html", "/index.html%00", "/link.txt",
        "/empty", "/empty/", "/assets", "/assets/", "/assets/javascripts/", "../secret.txt",
        "file:///etc/passwd", "/~root/", "/index.html/", "/index.html/../../secret.txt", "/%ff",
    ],
)
def test_nothing_but_the_sites_files(docs, target):
    status, headers, body = docs.ask(target)
    assert status == 404
    assert b"SECRET" not in body and b"root:" not in body
    assert b"404" in body and headers["Content-Type"].startswith("text/html")
    assert "ETag" not in headers


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "FOO"]
)
def test_other_methods(docs, method):
    status, headers, _ = docs.ask("/", method)
    assert status == (501 if method == "FOO" else 405)
    assert method == "FOO" or headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1:8002", ""])
def test_foreign_hosts(docs, host):
    status, _, body = docs.ask("/", Host=host)
    assert status == 421 and b"DOCS_ALLOWED_HOSTS" in body
    assert docs.ask("/", Host="LOCALHOST:8002")[0] == 200


def test_what_a_browser_has_is_not_sent_again(docs):
    _, headers, _ = docs.ask("/")
    assert headers["Cache-Control"] == "no-cache"
    etag, modified = headers["ETag"], headers["Last-Modified"]
    for condition in (
        {"If_None_Match": etag}, {"If_None_Match": f'"x", W/{etag}'}, {"If_None_Match": "*"},
        {"If_Modified_Since": modified}, {"If_None_Match": etag, "If_Modified_Since": "x"},
    ):
        status, again, body = docs.ask("/", **condition)
        assert (status, body, again["ETag"]) == (304, b"", etag)
    for condition in (
        {"If_None_Match": '"x"'}, {"If_Modified_Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"If_None_Match": '"x"', "If_Modified_Since": modified},
    ):
        assert docs.ask("/", **condition)[0] == 200


def test_names_with_a_hash_are_kept(docs, build):
    site, _ = build
    sheet = next(site.glob("assets/stylesheets/main.*.min.css"))
    _, headers, _ = docs.ask(f"/{sheet.relative_to(site)}")
    assert "immutable" in headers["Cache-Control"]


def test_silent_clients_take_threads_for_a_while_only(docs):
    """More idle connections than threads: the others wait and are served."""
    idle = [socket.create_connection(("127.0.0.1", docs.port)) for _ in range(20)]
    try:
        with ThreadPoolExecutor(4) as pool:
            assert {answer[0] for answer in pool.map(docs.ask, ["/"] * 8)} == {200}
    finally:
        for connection in idle:
            connection.close()


def test_sigterm_and_wrong_settings(build):
    site, _ = build
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(COMMON), "DOCS_ADDRESS": "127.0.0.1",
        "DOCS_PORT": str(port), "DOCS_DIR": str(site),
    }

    def run(**changed: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "docs_server"], cwd=SERVICE, env={**environment, **changed},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )

    process = run()
    assert "serving" in process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE_S) == 0
    for changed in ({"DOCS_DIR": "/nonexistent"}, {"DOCS_PORT": "lots"}):
        output = run(**changed).communicate(timeout=DEADLINE_S)[0]
        assert next(iter(changed)) in output and "Traceback" not in output
