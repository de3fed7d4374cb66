"""Write group_data/all.py and docs/settings.md from the declarations: `make settings`.

A digest that `make pin` wrote stays with its image.
"""

from __future__ import annotations

import re
from pathlib import Path

from xnai.settings.page import defaults_file, reference_page
from xnai.stack.catalogue import SCHEMA

ROOT = Path(__file__).resolve().parents[1]
ALL_PY = ROOT / "group_data/all.py"
REFERENCE = ROOT / "docs/settings.md"


def with_pins(text: str, present: str) -> str:
    """Return `text` with the digests that images have in `present`."""
    for name, digest in re.findall(r'"([^"\n]+)(@sha256:[0-9a-f]{64})"', present):
        text = text.replace(f'"{name}"', f'"{name}{digest}"')
    return text


def main() -> None:
    """Write both."""
    declarations = SCHEMA.declarations.values()
    present = ALL_PY.read_text("utf-8") if ALL_PY.exists() else ""
    ALL_PY.write_text(with_pins(defaults_file(declarations), present), "utf-8")
    REFERENCE.write_text(reference_page(declarations), "utf-8")


if __name__ == "__main__":
    main()
