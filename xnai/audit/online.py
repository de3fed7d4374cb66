"""Requirements before uv's resolver: do they exist, and do they fit together.

Only with --online. An sdist's build backend is code of whoever wrote the requirement, so nothing is
built: what has no wheel is unknown. uv works in an empty directory on a filtered copy, so that no
option, path, URL or configuration of the audited tree reaches it.
"""

from __future__ import annotations

import posixpath
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from xnai.audit import names
from xnai.audit.dockerfile import Dockerfile
from xnai.audit.model import RuleFinding
from xnai.audit.shell_words import commands
from xnai.audit.tool_answers import INSTALL, find
from xnai.audit.tree import Tree
from xnai.diagnostics.finding import Unknown

SECONDS = 120
_REQUIREMENT = re.compile(
    r"[A-Za-z0-9][\w.-]*\s*(\[[\w\s.,-]*\])?(\s*[=~!<>][\w\s.*+!=~<>,-]*)?(;[^@\\]*)?"
)
_PIN = re.compile(r"[\w.-]+(\[[\w,-]+\])?==[\w.+!*-]+")
_NO_WHEEL = re.compile(r"no usable wheels|no wheels|building (source distributions )?is disabled|"
                       r"--no-build|source distribution")
_UNREACHABLE = re.compile(r"Failed to fetch|error sending request|dns error|timed out|offline|"
                          r"network|connect", re.IGNORECASE)


def resolve(tree: Tree) -> Iterator[RuleFinding | Unknown]:
    """Yield what uv says of the requirements that each Dockerfile installs."""
    uv = find("uv")
    if uv is None:
        yield Unknown("uv", "uv is not installed", INSTALL)
        return
    asked = set[tuple[str, str]]()
    for file in tree.dockerfiles:
        for path in sorted(_used(tree, file)):
            asked.add((path, _python(file)))
            yield from _ask(uv, Resolvable(path, 1, tree.text(path), _python(file)))
        for run, text in _inline(file):
            yield from _ask(uv, Resolvable(file.path, run, text, _python(file)))
    # What no Dockerfile installs is installed by hand, and fails there.
    read = {path for path, _ in asked}
    for path in sorted(tree.files - read):
        if re.fullmatch(r"requirements[\w.-]*\.(txt|in)", posixpath.basename(path)) \
                and not path.startswith(names.foreign(tree.files)):
            yield from _ask(uv, Resolvable(path, 1, tree.text(path), ""))


@dataclass(frozen=True)
class Resolvable:
    """Requirements that are installed together.

    Attributes:
        path: the file that they stand in.
        line: of the first of them.
        text: a requirement a line.
        python: the version that they are installed for; empty for any.
    """

    path: str
    line: int
    text: str
    python: str


def _python(file: Dockerfile) -> str:
    version = re.search(r"python:(3\.\d+)", file.root_image())
    return version[1] if version else ""


def _inline(file: Dockerfile) -> Iterator[tuple[int, str]]:
    """The exact pins that a RUN hands to pip or uv as words, with its line."""
    for stage in file.stages:
        for run in stage.all("RUN"):
            words = [
                word for command in commands(run.text)
                if "install" in command.words and re.search(r"\b(pip[\d.]*|uv)\b",
                                                            " ".join(command.words))
                for word in command.words if _PIN.fullmatch(word)
            ]
            if words:
                yield run.first, "\n".join(words)


def _used(tree: Tree, file: Dockerfile) -> set[str]:
    """The tree's requirements files that a Dockerfile hands to pip or uv."""
    names = {
        posixpath.basename(word)
        for stage in file.stages for run in stage.all("RUN") for command in commands(run.text)
        for option, word in pairwise(command.words)
        if option in {"-r", "--requirement", "--requirements"}
    }
    return {
        path for path in tree.files
        if posixpath.basename(path) in names and path.startswith(file.directory)
    }


def filtered(text: str) -> str:
    """Return the plain requirements of a file: no options, paths, URLs or hashes."""
    kept = []
    for line in re.sub(r"\\\n", " ", text).split("\n"):
        plain = re.sub(r"\s--hash=\S+", "", line.partition(" #")[0]).strip()
        if _REQUIREMENT.fullmatch(plain):
            kept.append(plain)
    return "\n".join(kept) + "\n"


def _ask(uv: str, wanted: Resolvable) -> Iterator[RuleFinding | Unknown]:
    path, text = wanted.path, wanted.text
    # --python: looking for another one would start each that the user has.
    words = [
        uv, "pip", "compile", "--python", sys.executable, "--no-build", "--no-sources",
        "--no-config", "--no-header", "--no-progress", "--color=never", "requirements.txt",
    ]
    words += ["--python-version", wanted.python] if wanted.python else []
    with tempfile.TemporaryDirectory(prefix="xnai-audit-") as folder:
        (Path(folder) / "requirements.txt").write_text(filtered(text), "utf-8")
        try:
            done = subprocess.run(
                words, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=SECONDS, check=False,
            )
        except subprocess.TimeoutExpired:
            yield Unknown(path, f"uv gave no answer within {SECONDS} s", "try again")
            return
    if done.returncode == 0:
        return
    said = re.sub(r"[^\x21-\x7e]+", " ", done.stderr).strip()
    if _NO_WHEEL.search(said) or "No solution found" not in said:
        why = "the index was not reached" if _UNREACHABLE.search(said) else said[-300:]
        yield Unknown(path, f"uv cannot tell without building: {why}", "resolve it by hand")
        return
    yield RuleFinding(
        "uv:resolve", "error", "requirements cannot be resolved", path,
        wanted.line + _line(text, said) - 1 if wanted.line == 1 else wanted.line,
        said.partition("No solution found when resolving dependencies:")[2].strip() or said,
        "Mend the name or the version; `uv pip compile` on the file shows the whole chain.",
    )


def _line(text: str, said: str) -> int:
    """The line of the first requirement that uv's complaint names."""
    for number, line in enumerate(text.split("\n"), 1):
        match = re.match(r"\s*([A-Za-z0-9][\w.-]*)", line)
        if match and re.search(rf"\b{re.escape(match[1].lower())}\b", said.lower()):
            return number
    return 1
