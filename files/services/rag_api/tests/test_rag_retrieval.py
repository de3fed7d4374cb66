"""How well questions find their passages: ten documents, ten questions in other words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import ingest

DOCUMENTS = Path(__file__).parent / "documents"
QUESTIONS = json.loads((DOCUMENTS / "questions.json").read_text())


def whole(text):
    return {"text": text}


def paragraph_by_paragraph(text):
    return {"passages": text.split("\n\n")}


@pytest.mark.parametrize("content", [whole, paragraph_by_paragraph])
def test_nine_of_ten_are_cited_first(start_api, client, capsys, content):
    api = start_api()
    for file in DOCUMENTS.glob("*.md"):
        title, _, text = file.read_text().partition("\n")
        document = {"id": file.stem, "title": title[2:], **content(text.strip())}
        assert ingest(client, api, document)["ingested"] == 1
    right, exact = 0, 0
    for question, document, phrase in QUESTIONS:
        answer = client.post(f"{api.url}/query", json={"question": question, "stream": False})
        first = answer.json()["sources"][0]
        assert first["n"] == 1
        right += first["document"] == document
        exact += first["document"] == document and phrase in first["text"]
        if first["document"] != document:
            print(question, "->", first["document"], first["text"])
    with capsys.disabled():
        print(f"\nretrieval, {content.__name__}: first place of the right document {right}/10, "
              f"of the very passage {exact}/10")
    assert right >= 9
    # Whole documents of this length are one passage.
    if content is whole:
        assert exact >= 9
