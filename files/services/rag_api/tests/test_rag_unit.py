"""The parts that need no service: ranking, prompt, wording, schema, settings."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from rag_api import prompt, ranking, settings
from rag_api.documents import Found
from rag_api.schema import DocumentIn, IngestIn, QueryIn
from rag_api.wording import sentences


def test_telling_words():
    assert ranking.telling_words("What is the Crema, and what's its origin?") == [
        "crema", "s", "origin",
    ]
    assert ranking.telling_words("What is it?") == ["what", "is", "it"]
    assert ranking.telling_words("?!") == []


def test_a_word_that_is_everywhere_counts_next_to_nothing():
    rare, common = ranking.highest_bm25(100, [1]), ranking.highest_bm25(100, [100])
    assert rare > 5
    assert 0 < common < 0.001
    assert ranking.highest_bm25(0, [0]) > 0


def found(text, title="Title", score=0.5):
    return Found("id", title, "", text, score)


def test_prompt_numbers_the_passages():
    system, user = prompt.messages("Why?", [found("one"), found("two", "Other")], 1000)
    assert system.role == "system"
    assert user.content == "Passages:\n[1] Title\none\n\n[2] Other\ntwo\n\nQuestion: Why?"


@pytest.mark.parametrize("text", ["word " * 400, "字" * 2000, "x" * 4000])
@pytest.mark.parametrize("tokens", [128, 256, 1024, 4096])
def test_prompt_stays_within_its_limit(text, tokens):
    made = prompt.messages("Why is that so?", [found(text)] * 20, tokens)
    size = sum(len(message.content.encode()) for message in made)
    assert size <= tokens * 3
    if text.startswith("word"):
        assert "Passages:\n[1] Title\nword" in made[1].content
        assert made[1].content.endswith("Question: Why is that so?")
        # Most of the room is used; 48 tokens are set aside.
        assert size > (tokens - 48) * 3 * 0.7


def test_prompt_leaves_out_what_is_far_below_the_best():
    passages = [found("one", score=0.8), found("two", score=0.4), found("three", score=0.39)]
    content = prompt.messages("Why?", passages, 1000)[1].content
    assert "[2] Title\ntwo" in content
    assert "three" not in content
    # With nothing to tell them apart all are shown.
    alike = [found("a", score=0), found("b", score=0)]
    assert "[2]" in prompt.messages("Why?", alike, 1000)[1].content


def test_no_room_for_any_passage():
    assert prompt.messages("Why? " * 400, [found("one")], 256) == []


def refused(model, value):
    with pytest.raises(ValidationError) as error:
        model.model_validate(value)
    # As FastAPI has it: the place begins with `body`.
    return sentences([{**each, "loc": ("body", *each["loc"])} for each in error.value.errors()])


def test_wording():
    assert refused(QueryIn, {"question": "x", "top_k": 21}) == (
        "top_k = 21: input should be less than or equal to 20"
    )
    assert refused(QueryIn, {}) == "question: field required"
    assert refused(QueryIn, {"question": "x", "topk": 1}) == (
        "topk = 1: extra inputs are not permitted"
    )
    assert refused(QueryIn, 5) .startswith("the body = 5: input should be a valid dictionary")
    many = refused(IngestIn, {"documents": [{"id": "", "title": "x" * 2000}] * 4})
    assert many.startswith("documents[0].id = '': string should have at least 1 character; ")
    assert many.endswith("; and 3 more")
    assert len(many) < 800


@pytest.mark.parametrize(
    "content", [{}, {"text": "a", "passages": ["a"]}, {"passages": []}, {"passages": [" "]},
                {"passages": ["x" * 8001]}, {"text": "\n"}],
)
def test_documents_refused(content):
    refused(DocumentIn, {"id": "a", "title": "b", **content})


def test_a_text_is_cut_into_passages():
    text = "\n\n".join(["word " * 150] * 3)
    made = DocumentIn(id="a", title="b", text=text).document()
    assert len(made.passages) == 3
    same = DocumentIn(id="a", title="b", passages=list(made.passages)).document()
    assert same.sha256() == made.sha256()
    other = DocumentIn(id="a", title="c", passages=list(made.passages)).document()
    assert other.sha256() != made.sha256()


@pytest.mark.parametrize(
    ("name", "value"),
    [("LLM_URL", "llm:8080"), ("LLM_CONTEXT_TOKENS", "10"), ("LLM_ANSWER_TOKENS", "2000"),
     ("REDIS_PORT", "x"), ("RAG_MAX_BODY_KIB", "0")],
)
def test_settings_refused(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match=f"^{name} = '{value}': allowed .*; set in"):
        settings.load()


def test_settings_show_no_secrets(monkeypatch, tmp_path):
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    for name in ("ingest_token", "redis_password", "llm_api_key"):
        (tmp_path / name).write_text("s3cret")
    loaded = settings.load()
    assert loaded.ingest_token == loaded.redis_password == loaded.llm_api_key == "s3cret"
    assert "s3cret" not in repr(loaded)
