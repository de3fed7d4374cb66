"""Batches, what is not sent again, and what is told of each file."""

from __future__ import annotations

import hashlib
import io
import tarfile

from hypothesis import given
from hypothesis import strategies as st

from xnai.library import ingest
from xnai.library.files import FoundFile, LeftOut
from xnai.library.ingest import ingest_files, ingest_urls


class Api:
    """An API that takes what comes, but files of these sources."""

    def __init__(self, known=(), refuses=()):
        self.known = [{"source": s, "file_sha256": h} for s, h in known]
        self.refuses = refuses
        self.batches = []

    def library(self, *words, stdin=None):
        if words == ("list",):
            return True, self.known
        assert words == ("ingest", "--base64")
        with tarfile.open(fileobj=io.BytesIO(stdin)) as archive:
            files = {one.pax_headers["xnai.source"]: archive.extractfile(one).read()
                     for one in archive}
        self.batches.append(files)
        said = [
            {"source": one, "failed": "it is binary"} if one in self.refuses else
            {"source": one, "title": one, "passages": 2, "notice": "half" if b"?" in body else ""}
            for one, body in files.items()
        ]
        return not self.refuses, said


def made(folder, bodies):
    files = []
    for number, body in enumerate(bodies):
        path = folder / f"{number}.md"
        path.write_bytes(body)
        files.append(FoundFile(str(path), path, len(body)))
    return files


def test_what_is_there_with_this_content_is_not_sent(tmp_path):
    files = made(tmp_path, [b"same", b"new", b"changed?"])
    api = Api([(files[0].source, hashlib.sha256(b"same").hexdigest()),
               (files[2].source, hashlib.sha256(b"before").hexdigest())])
    told = []
    done = ingest_files(api, files, lambda *numbers: told.append(numbers))
    assert [list(batch.values()) for batch in api.batches] == [[b"new", b"changed?"]]
    assert done.unchanged == [files[0].source]
    assert done.taken == [files[1].source, files[2].source] and done.passages == 4
    assert done.notices == [LeftOut(files[2].source, "half")]
    assert told == [(3, 3)]


def test_a_file_that_is_refused_or_gone_is_told_and_the_others_are_taken(tmp_path):
    files = made(tmp_path, [b"one", b"two", b"three"])
    files[0].path.unlink()
    api = Api(refuses=[files[1].source])
    done = ingest_files(api, files, lambda *_: None)
    assert done.taken == [files[2].source]
    assert done.failed == [
        LeftOut(files[0].source, "it cannot be read: No such file or directory"),
        LeftOut(files[1].source, "it is binary"),
    ]


@given(st.lists(st.integers(0, 3 * ingest._MOST_BYTES), max_size=60))
def test_batches_hold_every_file_once_in_order_and_are_bounded(sizes):
    files = [FoundFile(str(n), None, size) for n, size in enumerate(sizes)]
    batches = list(ingest._batches(files))
    assert [file for batch in batches for file in batch] == files
    for number, batch in enumerate(batches):
        assert batch and (
            len(batch) == 1 or sum(file.size_bytes for file in batch) <= ingest._MOST_BYTES
        )
        assert len(batch) <= ingest._FIRST_FILES * 4**number


def test_a_thousand_files_take_a_few_processes():
    batches = list(ingest._batches([FoundFile(str(n), None, 2000) for n in range(1000)]))
    assert len(batches) == 4


def test_a_batch_that_breaks_off_is_no_success(tmp_path):
    class Breaking(Api):
        def library(self, *words, stdin=None):
            good, said = super().library(*words, stdin=stdin)
            return (good, said) if words == ("list",) else (False, said[:1])

    files = made(tmp_path, [b"one", b"two", b"three"])
    done = ingest_files(Breaking(), files, lambda *_: None)
    assert done.taken == [files[0].source]
    assert [one.source for one in done.failed] == [file.source for file in files[1:]]
    assert "broke off" in done.failed[0].why


def test_addresses_go_to_the_crawler_one_by_one():
    class Crawler:
        def run(self, *words, stdin=None):
            url = words[-1]
            if "bad" in url:
                return False, [], ["not added: bad.example is not allowed (CRAWLER_DOMAINS)", ""]
            return True, [f"added {url} as job 1"], []

    done = ingest_urls(Crawler(), ["https://good.example/", "https://bad.example/"])
    assert done.taken == ["https://good.example/"]
    assert done.failed == [
        LeftOut("https://bad.example/", "bad.example is not allowed (CRAWLER_DOMAINS)")
    ]
