"""The checkout's own modules, the unit tests' settings, and trees made of a few texts."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from xnai.audit.options import Options
from xnai.audit.tree import Tree, read_tree

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent / "unit"), str(HERE)]


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_tests(tmp_path_factory) -> Iterator[None]:
    """A cache that is the tests' own: the user's is neither read nor written."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


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
