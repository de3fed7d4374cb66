"""Questions and answers through the real socket."""

from __future__ import annotations

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
