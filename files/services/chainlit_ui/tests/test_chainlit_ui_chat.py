"""Questions and answers through the real socket."""

from __future__ import annotations

import http.client

import httpx
import pytest
from conftest import WORDS, Browser, RagApi


def shown(events: list[tuple[str, dict]]) -> list[dict]:
    """Return the assistant's messages as they are on the page at the end."""
    messages: dict[str, dict] = {}
    for name, data in events:
        if name in ("new_message", "update_message") and data["type"] == "assistant_message":
            messages[data["id"]] = data
    return list(messages.values())


def test_an_answer_streams_and_names_its_sources(page):
    RagApi.asked.clear()
    with Browser(page) as browser:
        events = browser.ask("How long?")
        assert RagApi.asked == [
            {"path": "/query", "question": "How long?", "top_k": 4, "stream": True}
        ]
        names = [name for name, _ in events]
        # The first word comes with stream_start.
        tokens = [data["token"] for name, data in events if name == "stream_token"]
        assert "stream_start" in names and tokens == WORDS[1:]
        [message] = shown(events)
        text = message["output"]
        assert text.startswith("Eleven weeks [1].")
        assert (
            r"[1] [The drowned \<b\>street\</b\>](<https://example.org/street?a=1>)" in text
        )
        assert "\n\n> It could be walked again. It could be" in text
        assert "[2] Notes (notes.txt)\n\n> " in text
        assert "![](" not in text, "a passage's own Markdown is shown as text"
        # The next question in the same chat.
        assert shown(browser.ask("And then?"))[0]["output"].startswith("Eleven")


def test_passages_without_a_model_say_so(page):
    with Browser(page) as browser:
        [message] = shown(browser.ask("no model"))
    assert "> No model is up: passages only." in message["output"]
    assert "[2] Notes" in message["output"]


def test_the_passages_own_words_come_first_and_the_models_are_called_so(page):
    with Browser(page) as browser:
        [message] = shown(browser.ask("quoted"))
        text = message["output"]
        assert text.startswith(r"It could be \*walked\* again. [1]"), text
        assert r"*Small\-1 says, within what the passages say:*" in text
        assert text.index("Small") < text.index("It was walked.") < text.index("repeat itself")
        [message] = shown(browser.ask("extract"))
        assert message["output"].startswith("Yes. [2]")
        # Of a source that is not quoted the title is enough.
        assert "walked again" not in message["output"]
        assert "Also near the question: [The drowned" in message["output"]
        assert "says" not in message["output"]


def test_nothing_found(page):
    with Browser(page) as browser:
        [message] = shown(browser.ask("nothing"))
    assert "No passage of the library fits" in message["output"]


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ("error", "refused (HTTP 503): Redis does not answer"),
        ("silence", "said nothing for 3 s"),
        ("broken", "broke off"),
        ("garbage", "broke off"),
        ("no end", "broke off before its end"),
    ],
)
def test_problems_say_what_where_and_what_to_do(page, rag_api, question, says):
    with Browser(page) as browser:
        messages = shown(browser.ask(question))
        problem = messages[-1]
        assert problem["isError"]
        assert says in problem["output"]
        assert f"{rag_api}/query" in problem["output"]
        assert "xnai status" in problem["output"]
        assert "sudo xnai-podman logs xnai_rag_api" in problem["output"]
        if question in ("broken", "garbage", "no end"):
            assert messages[0]["output"].startswith("Eleven"), "what came is kept"
        # The chat goes on.
        assert shown(browser.ask("How long?"))[0]["output"].startswith("Eleven")


def test_the_api_is_down(serve):
    with serve("http://127.0.0.1:1") as page, Browser(page) as browser:
        [problem] = shown(browser.ask("How long?"))
    assert problem["isError"]
    assert "The RAG API does not answer" in problem["output"]
    assert "http://127.0.0.1:1/query" in problem["output"]


def test_with_a_password_nobody_gets_in_without_it(serve, rag_api):
    secrets = {"chainlit_password": "correct horse", "chainlit_auth_secret": "x" * 40}
    with serve(rag_api, **secrets) as page:
        assert page.get("/auth/config").json()["passwordAuth"] is True
        with Browser(page) as browser:
            assert browser.connected.startswith("44"), "refused"
        for name, password, status in (
            ("owner", "wrong", 401), ("root", "correct horse", 401),
            ("owner", "correct horse", 200),
        ):
            answer = httpx.post(
                f"http://127.0.0.1:{page.port}/login",
                data={"username": name, "password": password}, trust_env=False,
            )
            assert answer.status_code == status
        assert "correct horse" not in page.log.read_text()


def upload(page, browser, name, body, **headers):
    return httpx.post(
        f"http://127.0.0.1:{page.port}/project/file", params={"session_id": browser.session},
        files={"file": (name, body, "application/octet-stream")},
        headers={"Origin": page.origin, **headers}, trust_env=False,
    )


def test_the_page_says_what_is_in_the_library_and_offers_questions(page):
    with Browser(page) as browser:
        events = browser.start()
    [message] = shown(events)
    text = message["output"]
    assert text.startswith("**4 documents, 23 passages** in your library.")
    assert "in about 0.02 s" in text and "xnai ingest" in text
    assert [data["label"] for name, data in events if name == "action"] == ["What is a *gate*?"]


def test_no_welcome_comes_below_an_answer(page):
    RagApi.may_tell.clear()
    try:
        with Browser(page) as browser:
            browser.say('42["connection_successful"]')
            browser.send("no model")
            events = [browser.event()]
            while not shown(events):
                events.append(browser.event())
            RagApi.may_tell.set()
            # The last that comes of the welcome's task.
            while (events[-1][0], events[-1][1].get("name")) != ("update_message", "on_chat_start"):
                events.append(browser.event())
    finally:
        RagApi.may_tell.set()
    [message] = shown(events)
    assert "No model is up" in message["output"]


def test_an_empty_library_says_how_to_fill_it(serve, rag_api, monkeypatch):
    empty = {"documents": 0, "passages": 0, "extract_s": None, "examples": []}
    monkeypatch.setattr(RagApi, "about", RagApi.about | empty)
    with serve(rag_api, ingest_token="t") as page, Browser(page) as browser:  # noqa: S106
        [message] = shown(browser.start())
    assert message["output"].startswith("**Your library is empty**")
    assert "Drop files here" in message["output"] and "32 MiB" in message["output"]


def test_the_model_is_named_with_its_speed(page, monkeypatch):
    with_model = {"model": "Big-7", "model_status": "down", "tokens_per_s": 12.4}
    monkeypatch.setattr(RagApi, "about", RagApi.about | with_model)
    with Browser(page) as browser:
        [message] = shown(browser.start())
    assert r"Big\-7 adds its own text" in message["output"]
    assert "about 12 tokens a second" in message["output"]
    assert "does not answer at the moment" in message["output"]


def test_a_file_is_brought_in_and_asked_about(serve, rag_api):
    RagApi.files.clear()
    with serve(rag_api, ingest_token="the-token") as page, Browser(page) as browser:  # noqa: S106
        browser.start()
        uploaded = upload(page, browser, "rules.pdf", b"%PDF scan")
        assert uploaded.status_code == 200, uploaded.text
        events = browser.ask("How long?", uploaded.json()["id"])
        assert [data["id"] for name, data in events if name == "remove_element"]
        messages = shown(events)
        assert messages[0]["output"] == (
            r"rules.pdf is in the library now: 2 passages (1 of 3 pages hold no text)."
        )
        assert messages[1]["output"].startswith("Eleven")
        # The token is the server's; nothing of the file stays on the page's side.
        assert RagApi.files == [("rules.pdf", "Bearer the-token", b"%PDF scan")]
        assert [one.stat().st_size for one in page.directory.rglob(".files/*/*")] == [0]
        said = upload(page, browser, "a.bin", b"x")
        [message] = shown(browser.ask("", said.json()["id"]))
        assert message["output"] == "a.bin was **not** taken: it is binary."
        said = upload(page, browser, "same.md", b"same")
        [message] = shown(browser.ask("", said.json()["id"]))
        assert "in the library already" in message["output"]
        assert "the-token" not in page.log.read_text()


def test_without_the_token_no_file_is_taken(page):
    with Browser(page) as browser:
        browser.start()
        assert upload(page, browser, "a.md", b"Words.").status_code != 200


@pytest.mark.parametrize(("name", "value", "status"), [
    ("Content-Length", str(2 << 30), 413), ("Transfer-Encoding", "chunked", 411),
])
def test_a_long_file_is_refused_before_it_is_taken(page, name, value, status):
    link = http.client.HTTPConnection("127.0.0.1", page.port, timeout=30)
    link.putrequest("POST", "/project/file?session_id=x")
    link.putheader("Origin", page.origin)
    link.putheader(name, value)
    link.endheaders()
    assert link.getresponse().status == status
    link.close()


def test_a_page_of_a_pdf_is_named_and_linked():
    from chainlit_ui.rag_api import Source
    from chainlit_ui.wording import link

    assert link(Source(1, "rules.pdf: Rules", "rules.pdf", "", "page 3")) == (
        "rules.pdf: Rules, page 3"
    )
    web = Source(1, "Fees", "https://example.org/fees.pdf", "", "page 3")
    assert link(web) == "[Fees, page 3](<https://example.org/fees.pdf#page=3>)"
    assert link(Source(1, "a.md", "/home/anna/a.md", "")) == "a.md (/home/anna/a.md)"
