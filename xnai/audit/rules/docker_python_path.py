"""Paths with Python's version in them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

_PATH = re.compile(r"/python(3\.\d+)/")
_BASE = re.compile(r"(?:^|/)python:(3\.\d+)")


class DockerPythonPath(Rule):
    """lib/python3.12/ written out."""

    id = "docker_python_path"
    severity = "warning"
    title = "Python's version in a path"
    remedy = "Use a virtual environment at a fixed place (/opt/venv) and copy it as a whole."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield each line with such a path once."""
        for file in tree.dockerfiles:
            base = _BASE.search(file.root_image())
            seen = set()
            for stage in file.stages:
                for one in stage.instructions:
                    for number in range(one.first, one.last + 1):
                        line = file.lines[number - 1]
                        match = _PATH.search(line)
                        if not match or number in seen or line.lstrip().startswith("#"):
                            continue
                        seen.add(number)
                        what = f"Breaks with the next Python: {match[0].strip('/')}."
                        other = base and base[1] != match[1]
                        if base and other:
                            what = (
                                f"The base has Python {base[1]}, the path says {match[1]}: nothing "
                                "looks there."
                            )
                        yield Hit(file.path, number, what, severity=None if other else "info")
