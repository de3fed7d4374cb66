"""service_common.guard, driven over its ASGI interface."""

from __future__ import annotations

import asyncio
import json

import pytest
from service_common.guard import Guard

HOSTS = {"localhost", "rag_api:8000", "[::1]"}
ORIGINS = {"http://localhost:8001"}


async def inner(scope, receive, send):
    await send({"type": "passed"})


async def nothing():
    raise AssertionError("the guard reads no body")


def connect(kind="http", *headers, method="GET", **options):
    """Return what a connection was sent."""
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": kind, "headers": [(k.encode(), v.encode()) for k, v in headers]}
    if kind == "http":
        scope["method"] = method
    guard = Guard(
        inner, HOSTS, ORIGINS,
        hosts_setting="RAG_ALLOWED_HOSTS", origins_setting="RAG_ALLOWED_ORIGINS", **options,
    )
    asyncio.run(guard(scope, nothing, send))
    return sent


def refusal(sent):
    start, body = sent
    headers = dict(start["headers"])
    assert headers[b"content-type"] == b"application/json"
    assert int(headers[b"content-length"]) == len(body["body"])
    return start["status"], json.loads(body["body"])["detail"]


PASSED = [{"type": "passed"}]


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "host", ["localhost", "LocalHost:80", "localhost:8000", "rag_api:8000", "[::1]", "[::1]:8000"]
)
def test_allowed_hosts(kind, host):
    assert connect(kind, ("host", host)) == PASSED


@pytest.mark.parametrize(
    "host",
    ["evil.example", "rag_api", "rag_api:8001", "localhost.evil.example", "", "localhost:evil",
     "localhost:8000:8000", "::1"],
)
def test_other_hosts(host):
    status, detail = refusal(connect("http", ("host", host)))
    assert status == 421
    assert repr(host) in detail
    assert "RAG_ALLOWED_HOSTS" in detail


def test_host_that_is_missing_or_twice():
    assert refusal(connect("http"))[0] == 421
    both = connect("http", ("host", "localhost"), ("host", "evil.example"))
    assert refusal(both)[0] == 421


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_allowed_origin(kind):
    headers = [("host", "localhost"), ("origin", "http://localhost:8001")]
    assert connect(kind, *headers) == PASSED


@pytest.mark.parametrize(
    "origin",
    ["null", "", "http://localhost", "https://localhost:8001", "http://evil.example"],
)
def test_other_origins(origin):
    headers = [("host", "localhost"), ("origin", origin)]
    status, detail = refusal(connect("http", *headers))
    assert status == 403
    assert repr(origin) in detail
    assert "RAG_ALLOWED_ORIGINS" in detail


def test_a_second_origin_does_not_hide_behind_the_first():
    headers = [("host", "localhost"), ("origin", "http://localhost:8001"), ("origin", "http://x")]
    assert refusal(connect("http", *headers))[0] == 403


@pytest.mark.parametrize(
    "headers",
    [
        [("host", "evil.example")],
        [("host", "localhost"), ("origin", "http://evil.example")],
        [("host", "localhost"), ("origin", "http://" + "é" * 300)],
    ],
)
def test_websocket_is_closed_before_it_is_accepted(headers):
    (message,) = connect("websocket", *headers)
    assert (message["type"], message["code"]) == ("websocket.close", 1008)
    # RFC 6455: 123 bytes at most.
    assert len(message["reason"].encode()) <= 123


def test_lifespan_passes():
    assert connect("lifespan") == PASSED


LENGTH = ("content-length", "2")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
@pytest.mark.parametrize(
    "headers",
    [
        [LENGTH, ("content-type", "text/plain")],
        [LENGTH],
        [LENGTH, ("content-type", "application/x-www-form-urlencoded")],
        [LENGTH, ("content-type", "application/jsonx")],
        [LENGTH, ("content-type", "application/json"), ("content-type", "text/plain")],
        [("transfer-encoding", "chunked"), ("content-type", "multipart/form-data")],
    ],
)
def test_bodies_that_are_not_json(method, headers):
    headers = [("host", "localhost"), *headers]
    assert connect("http", *headers, method=method) == PASSED
    status, detail = refusal(connect("http", *headers, method=method, json_only=True))
    assert status == 415
    assert "application/json" in detail


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("POST", [LENGTH, ("content-type", "application/json")]),
        ("POST", [LENGTH, ("content-type", "Application/JSON; charset=utf-8")]),
        ("POST", []),
        ("POST", [("content-length", "0")]),
        ("GET", [("content-type", "text/plain")]),
        ("DELETE", []),
    ],
)
def test_bodies_that_pass(method, headers):
    assert connect("http", ("host", "localhost"), *headers, method=method, json_only=True) == PASSED
