"""An answer, a list, and how a document is named."""

from __future__ import annotations

import pytest

from xnai.library import words
from xnai.run.pyinfra import HostFailed

DOCUMENTS = [
    {"id": f"file:{source}", "source": source, "title": source.rsplit("/")[-1], "passages": 2,
     "added": "2026-11-30T12:00:00Z", "file_sha256": ""}
    for source in ("/home/anna/rules.pdf", "/home/anna/a/notes.md", "/home/anna/b/notes.md")
]


def test_an_answer_has_its_sentences_with_numbers_then_the_model_then_the_sources():
    said = {
        "extract": [{"n": 2, "text": "It closes at nine."}], "model": None, "answer": "",
        "notice": None,
        "sources": [
            {"n": 1, "title": "a.md", "source": "", "place": ""},
            {"n": 2, "title": "rules.pdf", "source": "/home/anna/rules.pdf", "place": "page 3"},
        ],
    }
    assert list(words.answer(said)) == [
        "  It closes at nine. [2]", "", "  [1] a.md",
        "  [2] rules.pdf, page 3 (/home/anna/rules.pdf)",
    ]
    with_model = said | {"model": "Big-7", "answer": "At nine, then.", "notice": "It went on."}
    lines = list(words.answer(with_model))
    assert lines.index("  Big-7 says, within what the passages say:") < lines.index(
        "  At nine, then."
    ) < lines.index("  It went on.") < lines.index("  [1] a.md")


def test_other_peoples_texts_do_not_move_a_terminals_cursor():
    said = {"extract": [{"n": 1, "text": "A\x1b[2J\x07B."}], "model": None, "answer": "",
            "notice": None, "sources": []}
    assert "\x1b" not in "".join(words.answer(said))


def test_a_name_with_several_lines_makes_one():
    one = DOCUMENTS[0] | {"title": "t\n[2] another", "source": "/a\n  2026 forged"}
    assert len(list(words.listing([one]))) == 2


def test_a_list_ends_with_its_sums():
    lines = list(words.listing(DOCUMENTS))
    assert lines[0].split() == ["2026-11-30T12:00:00Z", "2", "rules.pdf", "/home/anna/rules.pdf"]
    assert lines[-1] == "  3 documents, 6 passages"


def test_a_document_is_named_by_id_path_or_title(monkeypatch):
    monkeypatch.chdir("/")
    for name in ("file:/home/anna/rules.pdf", "/home/anna/rules.pdf", "home/anna/rules.pdf",
                 "rules.pdf"):
        assert words.id_of(name, DOCUMENTS) == "file:/home/anna/rules.pdf"
    with pytest.raises(HostFailed, match="names several documents"):
        words.id_of("notes.md", DOCUMENTS)
    with pytest.raises(HostFailed, match=r"the nearest is '/home/anna/rules\.pdf'"):
        words.id_of("/home/anna/rule.pdf", DOCUMENTS)


def test_a_directory_means_all_that_came_from_it(monkeypatch):
    monkeypatch.setattr("os.getcwd", lambda: "/home/anna")
    long = DOCUMENTS[0] | {"id": "file:/home/anna/a/x#0a", "source": "/home/anna/a/x" + "y" * 600}
    beside = DOCUMENTS[0] | {"id": "file:/home/anna/ab", "source": "/home/anna/ab"}
    some = [*DOCUMENTS, long, beside]
    assert words.id_of(long["source"], some) == "file:/home/anna/a/x#0a"
    for name in ("/home/anna/a", "a", "a/"):
        assert words.ids_of(name, some) == ["file:/home/anna/a/notes.md", "file:/home/anna/a/x#0a"]
    assert words.ids_of("rules.pdf", some) == ["file:/home/anna/rules.pdf"]
    with pytest.raises(HostFailed, match="no document"):
        words.ids_of("/home/an", some)


def test_many_names_are_counted():
    assert words.several(str(n) for n in range(12)) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"
