"""What is written from the declarations is what lies in the tree."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

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


# Explained by the setting before them.
BESIDE = {
    "container_gid", "unprotected_oom_score_adj", "restore_age_identity_file", "redis_port",
    "llm_model_name", "llm_context_tokens", "vikunja_account_email",
}


def test_every_setting_says_why():
    without = {one.name for one in SCHEMA.declarations.values() if not one.reason}
    of_memory = {
        f"{name}_{what}" for name in SCHEMA.with_memory
        for what in ("memory_limit_mib", "memory_reservation_mib", "swap_mib")
    }
    assert without - of_memory == BESIDE


def test_settings_of_its_own_are_not_written_over(tmp_path):
    copy = tmp_path / "tree"
    for name in (".ci", "group_data", "xnai", "templates", "files", "docs"):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("lab", "audit"))
    all_py = copy / "group_data/all.py"
    digest = f"@sha256:{'0' * 64}"
    pinned = all_py.read_text().replace("python:3.12-slim", f"python:3.12-slim{digest}")

    def run():
        return subprocess.run(
            [sys.executable, ".ci/settings_pages.py"], cwd=copy, env={"PYTHONPATH": str(copy)},
            capture_output=True, text=True, check=False,
        )

    all_py.write_text(pinned.replace('stack_name = "xnai"', 'stack_name = "mine"'))
    refused = run()
    assert refused.returncode == 1
    assert "stack_name = 'mine', declared: 'xnai'" in refused.stderr
    assert 'stack_name = "mine"' in all_py.read_text()
    all_py.write_text(pinned.replace("# Prefix of containers", "# Old words"))
    assert run().returncode == 0
    assert all_py.read_text() == pinned
