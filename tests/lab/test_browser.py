"""The chat page as a person sees it: an answer and its source, a file that is dropped on it."""

from __future__ import annotations

import shutil
import time

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import element_to_be_clickable
from selenium.webdriver.support.ui import WebDriverWait

from tests.lab import rag_api
from tests.lab.browser import chromium, forwarded
from xnai.lab.paths import state_dir

pytestmark = pytest.mark.lab

PORT = 8001
DOCUMENT = {
    "id": "xnai-browser-test",
    "title": "The lamp of Quillhaven",
    "source": "keepers-log.md",
    "text": "The lamp of Quillhaven burns rapeseed oil. Marta Ostrander fills it each evening.",
}
QUESTION = "Who looks after the lamp of Quillhaven?"
ANSWER = '[data-step-type="assistant_message"]'


@pytest.fixture
def document(deployed):
    """A document in the index that the question is about; afterwards it is gone."""
    rag_api.ingest(deployed, **DOCUMENT)
    yield
    rag_api.remove(deployed, DOCUMENT["id"])


def looks(browser, *, timeout_s: float) -> list[tuple[float, str]]:
    """The answer's different texts as the page showed them, with seconds since the first look."""
    found: list[tuple[float, str]] = []
    started = time.monotonic()
    while time.monotonic() - started < timeout_s:
        # In one step: the page may put another element in the place of one that was found.
        text = browser.execute_script(
            "return [...document.querySelectorAll(arguments[0])].at(-1)?.innerText ?? ''", ANSWER
        ).strip()
        if text and (not found or text != found[-1][1]):
            found.append((time.monotonic() - started, text))
        if DOCUMENT["source"] in text:
            break
        time.sleep(0.05)
    return found


def test_a_question_is_answered_word_for_word_and_its_source_is_cited(
    deployed, document, tmp_path
):
    with (
        forwarded(deployed, PORT) as own_port,
        chromium(f"127.0.0.1:{PORT}", own_port) as browser,
    ):
        browser.get(f"http://127.0.0.1:{PORT}/")
        # The box is made anew when the page is connected: what was typed before is gone.
        says(browser, "library", 60)
        wait = WebDriverWait(browser, 60)
        wait.until(element_to_be_clickable((By.ID, "chat-input"))).send_keys(QUESTION)
        wait.until(element_to_be_clickable((By.ID, "chat-submit"))).click()
        seen = looks(browser, timeout_s=120)
        shot = tmp_path / "chat.png"
        assert browser.save_screenshot(str(shot))
        kept = state_dir() / "screenshots" / shot.name
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(shot, kept)
        print(f"\nscreenshot: {kept}", flush=True)
        errors = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    (first_s, _), *_ = seen
    _, whole = seen[-1]
    print(f"first words after {first_s:.1f} s, {len(whole)} characters in all", flush=True)
    answer, _, cited = whole.partition("Sources")
    # The small model of the stack is a placeholder: it is not asked.
    assert "Marta Ostrander fills it each evening. [1]" in answer and "says" not in answer
    assert f"[1] {DOCUMENT['title']} ({DOCUMENT['source']})" in cited
    assert DOCUMENT["text"] in cited
    assert errors == []


# A page that Chromium prints: a PDF as people have them.
LEAFLET = """<title>Leaflet</title>
<p>The beacon of Farrowmere is lit by Ludo Quist at a quarter past seven.</p>
<p style="page-break-before: always">The harbour of Farrowmere has nine berths.</p>"""
DROP = """
const [encoded, name] = arguments;
const bytes = Uint8Array.from(atob(encoded), one => one.charCodeAt(0));
const files = new DataTransfer();
files.items.add(new File([bytes], name, {type: 'application/pdf'}));
const drag = {bubbles: true, cancelable: true, dataTransfer: files};
for (const kind of ['dragenter', 'dragover', 'drop'])
    document.getElementById('chat-input').dispatchEvent(new DragEvent(kind, drag));
"""


@pytest.fixture
def leaflet(deployed):
    """The name of a file that is not in the library; afterwards it is not either."""
    yield "farrowmere.pdf"
    rag_api.remove(deployed, "file:farrowmere.pdf")


def says(browser, words: str, timeout_s: float) -> str:
    """The page's text, once these words are there."""
    text = ""
    deadline = time.monotonic() + timeout_s
    while words not in text:
        assert time.monotonic() < deadline, f"{words!r} is not in {text!r}"
        time.sleep(0.2)
        text = browser.execute_script("return document.body.innerText")
    return text


def test_a_pdf_is_dropped_asked_about_and_its_page_is_cited(deployed, leaflet, tmp_path):
    with (
        forwarded(deployed, PORT) as own_port,
        chromium(f"127.0.0.1:{PORT}", own_port) as browser,
    ):
        browser.get("data:text/html," + LEAFLET)
        printed = browser.print_page()
        browser.get(f"http://127.0.0.1:{PORT}/")
        says(browser, "library", 60)
        wait = WebDriverWait(browser, 60)
        box = wait.until(element_to_be_clickable((By.ID, "chat-input")))
        browser.execute_script(DROP, printed, leaflet)
        says(browser, leaflet, 60)
        box.send_keys("Who lights the beacon of Farrowmere?")
        wait.until(element_to_be_clickable((By.ID, "chat-submit"))).click()
        text = says(browser, f"[1] {leaflet}, page 1", 180)
        shot = state_dir() / "screenshots" / "chat-pdf.png"
        shot.parent.mkdir(parents=True, exist_ok=True)
        assert browser.save_screenshot(str(shot))
        print(f"\nscreenshot: {shot}", flush=True)
        errors = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert f"{leaflet} is in the library now: 2 passages." in text
    assert "Failed to load" not in text
    assert "is lit by Ludo Quist at a quarter past seven. [1]" in text
    assert errors == []
