"""Digests as a registry gives them; the registry here is a real server that speaks the protocol."""

from __future__ import annotations

import runpy
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from unit_settings import ROOT

PIN = runpy.run_path(str(ROOT / ".ci/pin.py"))
DIGEST = f"sha256:{'ab' * 32}"
TEXT = '# why\nbase_image = "docker.io/library/python:3.12-slim"\nport = 1\n'


class Registry(BaseHTTPRequestHandler):
    """Answers for one tag; `broken` leaves the digest out."""

    def do_HEAD(self):
        found = self.path == "/v2/library/python/manifests/3.12-slim"
        assert "application/vnd.oci.image.index.v1+json" in self.headers["Accept"]
        self.send_response(200 if found else 404)
        if found and not self.server.broken:
            self.send_header("Docker-Content-Digest", DIGEST)
        self.end_headers()

    def log_message(self, *words):
        pass


@pytest.fixture
def registry():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    server.broken = False
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    server.mirrors = {"docker.io": f"http://127.0.0.1:{server.server_port}"}
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_pinned_and_pinned_again(registry):
    text, done, failed = PIN["pinned"](TEXT, registry.mirrors)
    image = f"docker.io/library/python:3.12-slim@{DIGEST}"
    assert text == TEXT.replace("docker.io/library/python:3.12-slim", image)
    assert (done, failed) == ([f"base_image = '{image}'"], [])
    assert PIN["pinned"](text, registry.mirrors)[0] == text


def test_a_digest_is_never_invented(registry):
    registry.broken = True
    text, done, failed = PIN["pinned"](TEXT, registry.mirrors)
    assert (text, done) == (TEXT, [])
    assert "no digest in the answer" in failed[0]


@pytest.mark.parametrize("image", ["docker.io/library/python:3.9", "docker.io/other/python:3.12"])
def test_a_tag_that_the_registry_does_not_have(registry, image):
    text = f'base_image = "{image}"\n'
    assert PIN["pinned"](text, registry.mirrors)[:2] == (text, [])


def test_no_registry():
    with pytest.raises(PIN["NoAnswer"], match="refused"):
        PIN["digest"]("docker.io/a/b:1", {"docker.io": "http://127.0.0.1:9"})


def test_the_shipped_settings_are_found():
    text = (ROOT / "group_data/all.py").read_text("utf-8")
    assert {m["name"] for m in PIN["_SETTING"].finditer(text)} == {
        "base_image", "redis_image", "vikunja_db_image", "vikunja_image",
    }
