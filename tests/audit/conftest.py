"""The checkout's own modules, the unit tests' settings, and trees made of a few texts."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from xnai.audit.options import Options
from xnai.audit.tree import Tree, read_tree

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent / "unit"), str(HERE)]


@pytest.fixture
def tree(tmp_path) -> Callable[..., Tree]:
    """A tree of the files that are given by path."""

    def make(files: dict[str, str | bytes], **options) -> Tree:
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_tree(tmp_path, Options(**options))

    return make
