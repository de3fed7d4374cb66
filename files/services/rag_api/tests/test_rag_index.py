"""The index and its file, with the real embedding model."""

from __future__ import annotations

import sqlite3
import threading

import numpy as np
import pytest
from rag_api.documents import Document, Ingested
from rag_api.embedder import WordLlamaEmbedder
from rag_api.index import FILE, Index
from rag_api.opening import Unusable


@pytest.fixture(scope="session")
def embedder():
    return WordLlamaEmbedder()


@pytest.fixture
def index(tmp_path, embedder):
    made = Index(tmp_path, embedder)
    made.open()
    yield made
    made.close()


def reopened(index, tmp_path, embedder):
    index.close()
    again = Index(tmp_path, embedder)
    again.open()
    return again


def document(id, *passages, title="A title"):
    return Document(id, title, f"https://example.org/{id}", passages)


BREAD = document("bread", "Flour and water rise overnight.", "The oven must be hot.")
SHIPS = document("ships", "The harbour has a quay for ferries.")


def test_vectors_have_length_one(embedder):
    rows = embedder.embed(["some words", "", "   ", "x" * 5000, "\x00"])
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()
    lengths = np.linalg.norm(rows, axis=1)
    assert lengths[[0, 3]] == pytest.approx([1, 1])
    assert embedder.embed([]).shape == (0, 256)


def test_ingest_replace_remove(index, tmp_path, embedder):
    assert index.search("oven", 4)[0] == []
    assert index.ingest([BREAD, SHIPS]) == Ingested(2, 0, 3)
    assert index.counts() == (2, 3)
    assert index.ingest([BREAD, SHIPS]) == Ingested(0, 2, 0)

    changed = document("bread", "Rye needs no kneading.")
    assert index.ingest([changed, SHIPS]) == Ingested(1, 1, 1)
    assert index.counts() == (2, 2)
    texts = [found.text for found in index.search("How hot must the oven be?", 4)[0]]
    assert sorted(texts) == sorted([*changed.passages, *SHIPS.passages])

    assert index.remove("bread")
    assert not index.remove("bread")
    again = reopened(index, tmp_path, embedder)
    assert again.counts() == (1, 1)
    assert [found.document for found in again.search("rye", 4)[0]] == ["ships"]
    again.close()


def test_of_two_with_one_id_the_later_counts(index):
    assert index.ingest([BREAD, document("bread", "Other.")]) == Ingested(1, 1, 1)
    assert index.search("oven", 4)[0][0].text == "Other."


def test_search_after_reopening_is_the_same(index, tmp_path, embedder):
    index.ingest([BREAD, SHIPS])
    before = index.search("Where do ferries land?", 3)
    again = reopened(index, tmp_path, embedder)
    assert again.search("Where do ferries land?", 3) == before
    again.close()


@pytest.mark.parametrize(
    "question", ['"', "NEAR(a b)", "oven* OR", "title:x", "((", "?", "🍞", "a\x00b", "-x ^y {z}"]
)
def test_no_question_breaks_the_search(index, question):
    index.ingest([BREAD])
    found, _ = index.search(question, 4)
    assert len(found) == 2
    assert all(0 <= each.score <= 1 for each in found)


def test_generation_changes_with_every_change_only(index, tmp_path, embedder):
    generations = [index.search("x", 1)[1]]
    index.ingest([BREAD])
    generations.append(index.search("x", 1)[1])
    index.ingest([BREAD])
    assert index.search("x", 1)[1] == generations[-1]
    index.remove("bread")
    generations.append(index.search("x", 1)[1])
    again = reopened(index, tmp_path, embedder)
    assert again.search("x", 1)[1] == generations[-1]
    again.close()
    (tmp_path / FILE).unlink()
    fresh = reopened(again, tmp_path, embedder)
    generations.append(fresh.search("x", 1)[1])
    fresh.close()
    assert len(set(generations)) == 4


def test_ingest_is_all_or_nothing(index, tmp_path, embedder):
    index.ingest([SHIPS])
    # SQLite has no such number: the second document fails in the middle of the transaction.
    broken = document("broken", "text", title=10**30)
    with pytest.raises(OverflowError):
        index.ingest([BREAD, broken])
    assert index.counts() == (1, 1)
    again = reopened(index, tmp_path, embedder)
    assert again.counts() == (1, 1)
    assert again.ingest([BREAD]) == Ingested(1, 0, 2)
    again.close()


def test_search_while_ingesting(index):
    index.ingest([SHIPS])
    stop = threading.Event()
    failures = []

    def ask():
        while not stop.is_set():
            try:
                found, _ = index.search("Where do the ferries land?", 20)
                assert found[0].document == "ships"
            except BaseException as error:
                failures.append(error)
                return

    asking = threading.Thread(target=ask)
    asking.start()
    for turn in range(30):
        index.ingest([document(f"d{turn % 7}", f"bread {turn}", "flour " * turn + "x")])
        if turn % 5 == 0:
            index.remove(f"d{turn % 7}")
    stop.set()
    asking.join()
    assert failures == []


def unusable(path, embedder):
    """Return what is said about a file, which must stay as it is."""
    file = path / FILE
    before = file.read_bytes()
    index = Index(path, embedder)
    with pytest.raises(Unusable) as refused:
        index.open()
    with pytest.raises(Unusable, match=FILE):
        index.counts()
    assert file.read_bytes() == before
    return str(refused.value)


def test_file_that_is_no_database(tmp_path, embedder):
    (tmp_path / FILE).write_bytes(b"someone's notes, not a database" * 100)
    assert "file is not a database" in unusable(tmp_path, embedder)


def test_database_of_somebody_else(tmp_path, embedder):
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute("CREATE TABLE documents (id)")
    db.close()
    assert "is not an index of this service" in unusable(tmp_path, embedder)


def test_damaged_file(index, tmp_path, embedder):
    index.ingest([document(f"d{n}", *[f"passage {n} {m}" for m in range(20)]) for n in range(20)])
    index.close()
    file = tmp_path / FILE
    content = bytearray(file.read_bytes())
    content[8192:40960] = b"\xa5" * (40960 - 8192)
    file.write_bytes(content)
    assert "Restore it from a backup" in unusable(tmp_path, embedder)


def test_other_embedding_model(index, tmp_path, embedder):
    index.ingest([BREAD])
    index.close()

    class Other(WordLlamaEmbedder):
        name = "another model"
        dimension = 128

        def __init__(self):
            pass

    said = unusable(tmp_path, Other())
    assert "made with the embedding model 'wordllama l2_supercat' (256 dimensions)" in said
    assert "this service has 'another model' (128)" in said
    # The right one still opens it.
    again = Index(tmp_path, embedder)
    again.open()
    assert again.counts() == (1, 2)
    again.close()


def test_second_process_is_refused_and_can_try_again(index, tmp_path, embedder):
    index.ingest([BREAD])
    second = Index(tmp_path, embedder)
    with pytest.raises(Unusable, match="Another process uses it"):
        second.open()
    index.close()
    second.open()
    assert second.counts() == (1, 2)
    second.close()


def test_missing_directory(tmp_path, embedder):
    with pytest.raises(Unusable, match="RAG_DATA_DIR must be a directory"):
        Index(tmp_path / "none", embedder).open()
