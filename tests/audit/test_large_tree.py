"""A large tree, as the user starts it; how long it takes is measured by `make bench`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import big_tree
import pytest

XNAI = Path(sys.executable).parent / "xnai"


@pytest.mark.parametrize("words", [[], ["--no-tools"]], ids=["tools", "no tools"])
def test_a_large_tree(tmp_path, words):
    big_tree.write(tmp_path)
    done = subprocess.run([str(XNAI), "audit", str(tmp_path), "--json", *words],
                          capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)
    assert found["unknown"] == []
    (row,) = found["metrics"][0]["rows"]
    assert row[:3] == ["Makefile", str(big_tree.LINES), str(big_tree.TARGETS)]
