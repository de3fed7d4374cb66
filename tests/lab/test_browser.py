"""The chat page as a person sees it: a question, the answer as it is written, its source."""

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
# The model makes a long answer of it, which takes even a fast machine some seconds to write.
QUESTION = "Tell the story of the lamp of Quillhaven and of Marta Ostrander, in full sentences."
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


def test_a_question_is_answered_as_one_watches_and_its_source_is_cited(
    deployed, document, tmp_path
):
    with (
        forwarded(deployed, PORT) as own_port,
        chromium(f"127.0.0.1:{PORT}", own_port) as browser,
    ):
        browser.get(f"http://127.0.0.1:{PORT}/")
        wait = WebDriverWait(browser, 60)
        wait.until(element_to_be_clickable((By.ID, "chat-input"))).send_keys(QUESTION)
        # Off until the page is connected; the Enter key does nothing before that.
        wait.until(element_to_be_clickable((By.ID, "chat-submit"))).click()
        seen = looks(browser, timeout_s=120)
        shot = tmp_path / "chat.png"
        assert browser.save_screenshot(str(shot))
        kept = state_dir() / "screenshots" / shot.name
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(shot, kept)
        print(f"\nscreenshot: {kept}", flush=True)
        errors = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert len(seen) >= 3, f"not seen as it grew, but whole: {seen}"
    # All but the last look are the model's own words: the sources come below the whole answer.
    (first_s, first), *_, (last_s, last), (_, whole) = seen
    print(
        f"{len(seen)} looks: {len(first)} characters after {first_s:.1f} s, {len(last)} after "
        f"{last_s:.1f} s, {len(whole)} with the sources", flush=True,
    )
    assert len(first) < len(last)
    answer, _, cited = whole.partition("Sources")
    assert answer.strip()
    assert f"[1] {DOCUMENT['title']} ({DOCUMENT['source']})" in cited
    assert DOCUMENT["text"] in cited
    assert errors == []
