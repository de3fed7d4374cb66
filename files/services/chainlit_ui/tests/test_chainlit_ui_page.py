"""The page: who may ask for it, and that it needs nobody else."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import httpx
import pytest
from chainlit_ui import page as pages
from chainlit_ui import wording
from chainlit_ui.rag_api import Source
from conftest import DEADLINE_S, Browser

PATHS = ["/", "/health", "/project/settings", "/ws/socket.io/?EIO=4&transport=polling",
         "/assets/nothing", "/public/nothing"]


@pytest.mark.parametrize("path", PATHS)
def test_foreign_hosts_and_origins_get_nothing(page, path):
    assert page.get(path).status_code in (200, 404)
    for host in ("evil.example", "127.0.0.1.evil.example", "10.0.0.1:8001"):
        answer = page.get(path, Host=host)
        assert answer.status_code == 421 and "UI_ALLOWED_HOSTS" in answer.text
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1", f"{page.origin}.evil"):
        answer = page.get(path, Origin=origin)
        assert answer.status_code == 403 and "UI_ALLOWED_ORIGINS" in answer.text
    own = page.get(path, Origin=page.origin)
    assert own.status_code in (200, 404)
    assert own.headers.get("access-control-allow-origin") != "*"


def test_polling_from_another_site_is_refused_at_each_step(page):
    url = f"http://127.0.0.1:{page.port}/ws/socket.io/?EIO=4&transport=polling"
    opened = httpx.get(url, headers={"Origin": page.origin}, trust_env=False)
    session = re.search(r'"sid":"([^"]+)"', opened.text)[1]
    for origin, status in (("https://evil.example", 403), (page.origin, 200)):
        answer = httpx.post(
            f"{url}&sid={session}", headers={"Origin": origin, "Content-Type": "text/plain"},
            content='40{"sessionId":"x","clientType":"webapp"}', trust_env=False,
        )
        assert answer.status_code == status


def test_the_socket_is_refused_before_it_opens(page):
    with Browser(page) as browser:
        assert browser.connected.startswith("40")
    for changed in (
        {"host": "evil.example"}, {"origin": "https://evil.example"}, {"origin": "null"},
        {"host": f"evil.example:{page.port}", "origin": f"http://evil.example:{page.port}"},
    ):
        with Browser(page, **changed) as browser:
            assert browser.status == 403


def test_the_page_is_complete_without_the_internet(page):
    html = page.get("/").text
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', html)
    assert "googleapis" not in html and "jsdelivr" not in html
    for path in re.findall(r'(?:src|href)="(/[^"]*)"', html):
        answer = page.get(path)
        assert answer.status_code == 200 and "text/html" not in answer.headers["content-type"]
        # Nothing that a style sheet loads is elsewhere either.
        if path.endswith(".css"):
            assert not re.findall(r"(?:url\(|@import )[\"']?(?:https?:)?//", answer.text)
    policy = page.get("/").headers["content-security-policy"]
    assert "default-src 'self'" in policy and "http" not in policy
    script_policy = re.search("script-src [^;]*", policy)[0]
    assert "unsafe" not in script_policy
    assert script_policy.count("sha256-") == len(re.findall("<script>", html)) > 0


def test_uploads_and_tools_are_off(page):
    settings = page.get("/project/settings").json()
    assert settings["features"]["spontaneous_file_upload"]["enabled"] is False
    assert settings["features"]["mcp"]["enabled"] is False
    assert settings["features"]["unsafe_allow_html"] is False
    base = f"http://127.0.0.1:{page.port}"
    with Browser(page) as browser:
        answer = httpx.post(
            f"{base}/project/file?session_id={browser.session}",
            files={"file": ("x.txt", b"x", "text/plain")}, trust_env=False,
        )
        assert answer.status_code == 400
        answer = httpx.post(
            f"{base}/mcp", trust_env=False,
            json={"sessionId": browser.session, "clientType": "stdio", "name": "x",
                  "fullCommand": "id"},
        )
        assert 400 <= answer.status_code < 500


@pytest.mark.parametrize(
    "path", ["/assets/../../config.toml", "/public/../.chainlit/config.toml",
             "/assets/..%2f..%2f.chainlit/config.toml", "/avatars/..%2f..%2fchainlit.md"],
)
def test_no_path_leads_out(page, path):
    assert "generated_by" not in page.get(path).text


def test_it_writes_to_its_directory_alone_and_calls_its_api_alone(page, rag_api):
    with Browser(page) as browser:
        browser.ask("How long?")
    lines = page.audit.read_text().splitlines()
    written = {Path(line.removeprefix("write ")) for line in lines if line.startswith("write ")}
    assert page.directory / ".chainlit/config.toml" in written, "the audit sees writes"
    outside = {
        path for path in written
        if not path.is_relative_to(page.directory) and path != Path("/dev/null")
    }
    assert outside == set()
    assert list(page.cwd.iterdir()) == []
    port = int(rag_api.rpartition(":")[2])
    calls = {line for line in lines if line.startswith("call ")}
    assert any(str(port) in call for call in calls), "the audit sees calls"
    assert [call for call in calls if str(port) not in call and str(page.port) not in call] == []


def test_sigterm_ends_it_with_a_chat_open(serve, rag_api):
    with serve(rag_api) as page, Browser(page) as browser:
        browser.ask("How long?")
        page.process.send_signal(signal.SIGTERM)
        assert page.process.wait(DEADLINE_S) == 0


def test_a_page_with_new_links_to_the_internet_does_not_start(tmp_path):
    packaged = tmp_path / "dist"
    packaged.mkdir()
    (packaged / "index.html").write_text('<link href="https://a.example/x.css"><p>')
    pages.offline_build(packaged, tmp_path / "fine")
    assert (tmp_path / "fine/index.html").read_text() == "<p>"
    (packaged / "index.html").write_text('<script src="//cdn.example/x.js"></script>')
    with pytest.raises(RuntimeError, match=r"cdn\.example"):
        pages.offline_build(packaged, tmp_path / "other")


@pytest.mark.parametrize(
    ("title", "source", "expected"),
    [
        ("A", "https://example.org/a b(c)", "[A](<https://example.org/a%20b(c)>)"),
        ("A", "javascript:alert(1)", r"A (javascript:alert\(1\))"),
        ("", "", "untitled"),
        ("![x](y)", "", r"\!\[x\]\(y\)"),
        ("A\n\n# B", "x>)", r"A \# B (x\>\))"),
        ("A", "https://example.org/>)[x](y", "[A](<https://example.org/%3E)[x](y>)"),
        ("A", "http://[::1", r"A (http://\[::1)"),
        ("*" * 200, "", r"\*" * 120),
    ],
)
def test_titles_and_addresses_are_text(title, source, expected):
    assert wording.link(Source(1, title, source, "")) == expected


def test_a_name_does_not_turn_the_words_behind_it():
    said = wording.not_brought("a\u202egnp.exe\u2067", "it is binary")
    assert said == "agnp.exe was **not** taken: it is binary."
    assert wording.escaped("\u05d0\u200f b") == "\u05d0\u200f b"
