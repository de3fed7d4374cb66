"""Requirements files that are not in the image when they are read."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from itertools import pairwise

from xnai.audit.docker_paths import created, workdir
from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.shell_words import commands
from xnai.audit.tree import Tree


class DockerRequirementsMissing(Rule):
    """A path behind -r that no instruction before has brought."""

    id = "docker_requirements_missing"
    severity = "error"
    title = "requirements file is not in the image"
    remedy = "COPY it before this RUN, or mend the path: it counts from WORKDIR."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield each -r of pip or uv whose file cannot be there."""
        for file in tree.dockerfiles:
            for stage in file.stages:
                for run in stage.all("RUN"):
                    folder: str | None = workdir(file.lineage(stage), run)
                    for command in commands(run.text):
                        words = command.words
                        if command.name == "cd":
                            folder = None
                        if "install" not in words or not re.search(r"\b(uv|pip[\d.]*)\b",
                                                                   " ".join(words)):
                            continue
                        for option, name in pairwise(words):
                            if option not in {"-r", "--requirement", "--requirements"}:
                                continue
                            asked = rf"(\[|\btest)\s+-[efrs]\s+\S*{re.escape(name)}"
                            if name == "-" or re.search(asked, run.text) or "://" in name or (
                                folder is None and not name.startswith("/")
                            ):
                                continue
                            path = posixpath.normpath(posixpath.join(folder or "/", name))
                            if not created(tree, file, stage, run, path):
                                what = f"No instruction before brings {path}."
                                yield Hit(file.path, file.line_of(run, name), what)
