"""From a file to its text: each kind, and what cannot be read and why."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys

import pytest
from conftest import SERVICE  # noqa: F401  (puts the service on the path)
from made_files import archive, encrypted, pdf, sheet, slides, word
from rag_api.reading.apart import read_apart
from rag_api.reading.document import document_id, document_of, title_of
from rag_api.reading.kinds import content_of
from rag_api.reading.parts import Unreadable

MOST = 64 << 20


def read(name, body, most=MOST):
    content = content_of(name, body, most)
    return [(part.place, part.text) for part in content.parts]


def refusal(name, body, most=MOST):
    with pytest.raises(Unreadable) as raised:
        content_of(name, body, most)
    return str(raised.value)


def test_a_pdf_is_read_page_by_page_and_a_table_row_by_row():
    table = [(x, y, f"{column}{row}") for row, y in enumerate((700, 680, 660), 1)
             for column, x in (("a", 72), ("b", 200), ("c", 350))]
    body = pdf([(72, 720, "The tide gate closes at nine.")], table, title="Harbour")
    content = content_of("rules.pdf", body, MOST)
    assert content.heading == ""  # a program wrote that title
    (first, one), (second, two) = [(part.place, part.text) for part in content.parts]
    assert (first, one) == ("page 1", "The tide gate closes at nine.") and second == "page 2"
    assert [line.split() for line in two.splitlines()] == [
        ["a1", "b1", "c1"], ["a2", "b2", "c2"], ["a3", "b3", "c3"],
    ]


def test_pages_without_text_are_told_and_a_scan_is_refused():
    content = content_of("a.pdf", pdf([], [(72, 700, "Words.")]), MOST)
    assert [part.place for part in content.parts] == ["page 2"]
    assert content.notice == "1 of 2 pages hold no text"
    assert refusal("scan.pdf", pdf([], [])).startswith("its 2 pages hold no text, as of a scan")


def test_an_encrypted_pdf_is_refused_but_not_one_that_anybody_may_read():
    body = pdf([(72, 700, "Read me.")])
    assert "it is encrypted" in refusal("a.pdf", encrypted(body, "secret"))
    assert read("a.pdf", encrypted(body, "")) == [("page 1", "Read me.")]


def test_a_damaged_pdf_is_refused():
    assert "it is damaged" in refusal("a.pdf", pdf([(72, 700, "Words.")])[:40])


def test_word():
    body = word("The gate is green.", [["Name", "Berth"], ["Anna", "12"]], "Last.", heading="Boats")
    content = content_of("boats.docx", body, MOST)
    assert content.heading == "Boats"
    # The table's header and its last cells are there, and all in the order of the page.
    assert content.parts[0].text == (
        "# Boats\n\nThe gate is green.\n\nName | Berth\nAnna | 12\n\nLast."
    )


def test_slides_and_sheets_tell_their_places():
    assert read("a.pptx", slides(("Tides", "High at six."), ("Gates", "Two."))) == [
        ("slide 1", "Tides\n\nHigh at six."), ("slide 2", "Gates\n\nTwo."),
    ]
    assert read("a.xlsx", sheet("Fees", ["Boat", "Euro"], ["Gull", 12.5], [None, None])) == [
        ("sheet Fees", "Boat | Euro\n\nGull | 12.5"),
    ]


def test_html_shows_what_a_browser_shows():
    html = """<!doctype html><html><head><title>Fees</title><script>var secret = 1;</script></head>
    <body><article><h1>Fees</h1><p>A berth costs twelve euros a night in the summer months, and
    eight in the others.</p><p hidden>Hidden words here.</p><p style="color: red; display: none">Hidden by style.</p><template><p>Template words.</p>
    </template><script>document.write("Written words.")</script>
    <p>Children &lt;script&gt;play&lt;/script&gt; free of charge all year round.</p></article>
    </body></html>"""
    content = content_of("fees.html", html.encode(), MOST)
    (part,) = content.parts
    assert content.heading == "Fees" and "twelve euros" in part.text
    assert "<script>play</script>" in part.text  # text of the page, shown as text
    for word_ in ("secret", "Hidden", "Template", "Written"):
        assert word_ not in part.text


@pytest.mark.parametrize(("body", "said"), [
    (b"", "it is empty"),
    (b" \n ", "it is empty"),
    (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(64), "it is binary"),
    (b"\x7fELF" + bytes(100), "it is binary"),
    (bytes(range(1, 32)) * 20 + b"some text", "it is binary"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(64), "before 2007"),
    (archive(notes__a=b"words"), "it is an archive"),
    (b"PK\x03\x04 and no archive", "it is damaged"),
    (b"{\\rtf1\\ansi Hello}", "it is RTF"),
    (b"word " * 1_400_000, "allowed are 5000"),
    (b"<html><body><script>1</script></body></html>", "no text"),
])
def test_what_is_no_text_is_refused_and_why(body, said):
    with pytest.raises(Unreadable, match=re.escape(said)):
        document_of("some.file", body, content_of("some.file", body, MOST))


def test_a_text_about_pdf_is_a_text_and_front_matter_is_none():
    assert read("a.md", b"A file begins with %PDF-1.4.") == [("", "A file begins with %PDF-1.4.")]
    junk = b"\n\njunk\n" + pdf([(72, 700, "Words.")])
    assert read("a.pdf", junk) == [("page 1", "Words.")]
    assert read("a.md", b"---\ntitle: X\n---\n# Tides\n\nHigh.") == [("", "# Tides\n\nHigh.")]


def test_text_in_any_encoding():
    assert read("a.md", "# Grüße\n\nAn alle.".encode()) == [("", "# Grüße\n\nAn alle.")]
    assert read("a.txt", "Grüße".encode("utf-16")) == [("", "Grüße")]
    assert read("a.txt", "Grüße".encode("cp1252")) == [("", "Grüße")]


def test_an_office_file_that_unpacks_beyond_the_limit():
    body = archive(word__document=b"\0" * (3 << 20))
    assert len(body) < 10_000
    assert refusal("a.docx", body, 2 << 20) == "it unpacks to 3 MiB; allowed are 2 MiB"


@pytest.mark.parametrize("seed", range(60))
def test_whatever_comes_is_read_or_refused_in_words(seed):
    """Files of each kind with some bytes changed or cut off."""
    chance = random.Random(seed)
    body = bytearray(chance.choice([
        pdf([(72, 700, "Some words of a page.")], [(72, 700, "More.")]),
        word("A paragraph.", [["a", "b"], ["c", "d"]]), slides(("Title", "Text.")),
        sheet("One", [1, 2], ["x", None]), b"<html><body><p>Words &amp; more</p></body></html>",
        "# Überschrift\n\nText.".encode(),
    ]))
    for _ in range(chance.randrange(12)):
        body[chance.randrange(len(body))] = chance.randrange(256)
    if chance.random() < 0.3:
        del body[chance.randrange(len(body)):]
    try:
        document, _ = read_apart("a", bytes(body), MOST)
    except Unreadable as error:
        assert len(str(error)) > 5
    else:
        assert document.passages and all(one.strip() for one in document.passages)
        assert not document.places or len(document.places) == len(document.passages)


READ = """
from rag_api.reading.apart import read_apart
from service_common.apart import Limits
body = b"<html><p>" + b"word " * 4_000_000
read_apart("a.html", body, 64 << 20, Limits(cpu_s=30, more_mib=8))
"""


def test_reading_has_its_limits():
    """In a process of its own, as in the service: this one has memory that others gave back."""
    done = subprocess.run(
        [sys.executable, "-c", READ], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 1
    assert re.search("Unreadable: .*more than 30 s or 8 MiB", done.stderr)


def test_titles_and_identities():
    assert title_of("/home/anna/rules.md", "Rules") == "rules.md"
    assert title_of("/home/anna/rules.md", "Rules of the harbour") == "rules.md: Rules of the harbour"
    assert title_of("https://example.org/a/fees.html", "") == "fees.html"
    assert document_id("/home/anna/rules.md") == "file:/home/anna/rules.md"
    assert document_id("https://example.org/a") == "https://example.org/a"


def test_passages_know_their_page():
    pages = [[(72, 700 - 20 * n, f"Sentence {n} of page {page}.") for n in range(20)]
             for page in (1, 2)]
    document, notice = read_apart("a.pdf", pdf(*pages), MOST)
    assert notice == "" and set(document.places) == {"page 1", "page 2"}
    for place, passage in zip(document.places, document.passages, strict=True):
        assert f"of {place}" in passage
