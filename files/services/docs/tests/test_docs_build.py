"""The handbook builds without a warning and needs nobody else."""

from __future__ import annotations

import json
import re


def test_the_build_is_complete_and_says_nothing(build):
    site, output = build
    assert "WARNING -" not in output
    for page in ("", "everyday/", "trouble/", "memory/", "glossary/"):
        assert (site / page / "index.html").is_file()
    assert (site / "404.html").is_file()
    found = json.loads((site / "search/search_index.json").read_text())
    assert any("zram" in entry["text"] for entry in found["docs"])


def test_no_page_loads_anything_from_elsewhere(build):
    site, _ = build
    pages = list(site.rglob("*.html"))
    assert len(pages) >= 6
    for page in pages:
        html = page.read_text()
        loaded = re.findall(
            r"<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=[\"']?([^\"' >]+)", html
        )
        assert loaded
        assert [url for url in loaded if re.match(r"(?:[a-z]+:)?//", url)] == []
    for sheet in site.rglob("*.css"):
        assert not re.findall(r"(?:url\(|@import )[\"']?(?:https?:)?//", sheet.read_text())
