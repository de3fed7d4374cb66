"""Write group_data/all.py and docs/settings.md from the declarations: `make settings`.

A digest that `make pin` wrote stays with its image. A value that is another one than the declared
default is no reason to write over it: what a host or group has of its own belongs into
group_data/<group>.py or hosts.py.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from xnai.settings.page import defaults_file, reference_page
from xnai.stack.catalogue import SCHEMA

ROOT = Path(__file__).resolve().parents[1]
ALL_PY = ROOT / "group_data/all.py"
REFERENCE = ROOT / "docs/settings.md"


def without_digest(value: object) -> object:
    """Return an image's name without its digest; anything else as it is."""
    return value.partition("@sha256:")[0] if isinstance(value, str) else value


def main() -> None:
    """Write both, or say what would be lost."""
    declarations = SCHEMA.declarations
    present = runpy.run_path(str(ALL_PY)) if ALL_PY.exists() else {}
    there = {name: present[name] for name in declarations if name in present}
    other = [
        f"  {name} = {value!r}, declared: {declarations[name].default!r}"
        for name, value in there.items()
        if without_digest(value) != declarations[name].default
    ]
    if other and "--force" not in sys.argv:
        sys.exit(
            f"{ALL_PY} has values of its own, which would be lost:\n" + "\n".join(other)
            + "\nMove them to group_data/<group>.py or hosts.py; or change the declaration; or "
            "give them up: .venv/bin/python .ci/settings_pages.py --force"
        )
    text = defaults_file(declarations.values())
    for name, value in there.items():
        image = without_digest(value)
        if image != value and image == declarations[name].default:
            text = text.replace(f'{name} = "{image}"', f'{name} = "{value}"')
    ALL_PY.write_text(text, "utf-8")
    REFERENCE.write_text(reference_page(declarations.values()), "utf-8")


if __name__ == "__main__":
    main()
