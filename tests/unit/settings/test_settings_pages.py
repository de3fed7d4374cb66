"""What is written from the declarations is what lies in the tree."""

from __future__ import annotations

import re

from unit_settings import ALL_PY, ROOT

from xnai.settings.page import defaults_file, reference_page
from xnai.stack.catalogue import SCHEMA


def without_pins(text: str) -> str:
    return re.sub(r"@sha256:[0-9a-f]{64}", "", text)


def test_all_py_is_what_the_declarations_say():
    wanted = defaults_file(SCHEMA.declarations.values())
    assert without_pins(ALL_PY.read_text("utf-8")) == wanted, "make settings"


def test_the_reference_page_is_what_the_declarations_say():
    wanted = reference_page(SCHEMA.declarations.values())
    assert (ROOT / "docs/settings.md").read_text("utf-8") == wanted, "make settings"


def test_every_setting_says_why_or_follows_one_that_does():
    """Ports of services that publish nothing, and the three of a service's memory, need none."""
    before = ""
    for one in SCHEMA.declarations.values():
        explained = one.reason or one.section == before or one.name.endswith("_mib")
        assert explained, one.name
        before = one.section
