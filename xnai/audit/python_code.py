"""Python that recipes, images, compose files and scripts run: where it stands, and if it parses."""

from __future__ import annotations

import json
import posixpath
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch

from xnai.audit.docker_paths import contexts
from xnai.audit.dockerfile import Dockerfile, Instruction
from xnai.audit.tree import Tree
from xnai.diagnostics.finding import Unknown

SECONDS = 30
_MAX_TEXT = 256 * 1024
_MAX_FILES = 2_000

# Run apart: CPython's own parser may end its process on a text that is nested deeply enough.
_PROGRAM = """\
import ast, json, sys, warnings
warnings.simplefilter("ignore")
said = []
for text in json.load(sys.stdin):
    try:
        ast.parse(text)
        said.append(None)
    except SyntaxError as error:
        said.append([error.lineno or 1, error.msg])
    except (ValueError, MemoryError, RecursionError):
        said.append(None)
json.dump(said, sys.stdout)
"""

_CALL = re.compile(
    r"(?<![\w.-])(?:python(?:3(?:\.\d+)?)?|uv run python)(?:\s+-[bBdEiIOqsSuvWx]+)*\s+-c\s+"
    r"(?:'([^']*)'(?=[\s;|&)`]|$)|\"((?:[^\"\\]|\\.)*)\"(?=[\s;|&)`']|$))"
)
# What a newer Python than this one may read.
_NEWER = re.compile(
    r"(?i)\b[rb]?[ft][rb]?[\"']|^\s*type\s+\w+|\b(?:def|class)\s+\w+\[|\bexcept\*?\s+[\w.]+\s*,|"
    r"^\s*(?:match|lazy)\b"
)
_NOT_RUN = re.compile(
    r"(^|/)(tests?|testdata|fixtures?|templates?|cookiecutter[^/]*|examples?)/|[{%]|(^|/)(tests?|conftest)[^/]*\.py$|_test\.py$"
)


@dataclass(frozen=True)
class PythonCode:
    """A piece of Python.

    Attributes:
        path: the file that it stands in.
        line: of its first line there.
        spellings: what it may be after the shells around it; it is wrong if all of them are.
        who: what runs it, for a sentence.
    """

    path: str
    line: int
    spellings: tuple[str, ...]
    who: str


def in_shell(text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield the code behind each `python -c` of a shell text with its line, counted from 0."""
    for match in _CALL.finditer(text):
        single, double = match[1], match[2]
        code = single if single is not None else re.sub(r"\\([\"\\$`])", r"\1", double)
        # The shell puts something in that cannot be known here.
        if double is not None and re.search(r"(?<!\\)[$`]", double):
            continue
        plain = re.sub(r"\\([\"'\\$`])", r"\1", code)
        yield text[: match.start()].count("\n"), tuple(dict.fromkeys((code, plain)))


def all_code(tree: Tree) -> Iterator[PythonCode]:
    """Yield the Python of a tree that something runs."""
    for makefile in tree.makefiles:
        for one in makefile.commands:
            for below, code in in_shell(one.text):
                yield PythonCode(one.path, one.line + below, code, f"'{one.target}'")
    for path, text in tree.script_texts.items():
        if path.endswith((".sh", ".bash")):
            for below, code in in_shell(text):
                yield PythonCode(path, 1 + below, code, "the script")
    for file in tree.dockerfiles:
        yield from _of_dockerfile(file)
    yield from _of_composes(tree)
    yield from _copied(tree)


def _of_dockerfile(file: Dockerfile) -> Iterator[PythonCode]:
    for stage in file.stages:
        for one in stage.all("RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK"):
            if one.is_list:
                for code in _in_words(one.words):
                    yield PythonCode(file.path, one.first, (code,), one.name)
            else:
                for _, codes in in_shell(one.text):
                    yield PythonCode(file.path, one.first, codes, one.name)


def _in_words(words: Sequence[str]) -> Iterator[str]:
    for at, word in enumerate(words[:-1]):
        if word == "-c" and any(re.search(r"(^|/)python[\d.]*$", one) for one in words[:at]):
            yield words[at + 1]


def _of_composes(tree: Tree) -> Iterator[PythonCode]:
    for file in tree.composes:
        for service in file.services:
            check = service.data.get("healthcheck")
            test = check.get("test") if isinstance(check, dict) else None
            for key, value in (("healthcheck", test), ("command", service.data.get("command")),
                               ("entrypoint", service.data.get("entrypoint"))):
                if isinstance(value, list):
                    words = [str(one) for one in value]
                    codes = list(_in_words(words))
                    codes += [code for word in words for _, (code, *_) in in_shell(word)]
                else:
                    codes = [code for _, (code, *_) in in_shell(str(value or ""))]
                for code in codes:
                    if not re.search(r"(?<!\$)\$(?!\$)", code):
                        yield PythonCode(file.path, service.line(key), (code.replace("$$", "$"),),
                                         f"{service.name}'s {key}")


def _copied(tree: Tree) -> Iterator[PythonCode]:
    """The .py files that images get by COPY, those that are there to be filled in left out."""
    found: dict[str, str] = {}
    for file in tree.dockerfiles:
        if re.search(r"python:2", file.root_image()):
            continue
        for stage in file.stages:
            for one in stage.all("COPY", "ADD"):
                if "from" not in one.flags:
                    for path in _sources(tree, file, one):
                        found.setdefault(path, f"{file.path}:{one.first}")
    for path in sorted(found)[:_MAX_FILES]:
        text = tree.text(path)
        if text and len(text) <= _MAX_TEXT:
            yield PythonCode(path, 1, (text,), f"the image that copies it ({found[path]})")


def _sources(tree: Tree, file: Dockerfile, copy: Instruction) -> Iterator[str]:
    for context in contexts(tree, file):
        for source in copy.sources:
            where = posixpath.normpath(posixpath.join(context, source.lstrip("/")))
            everything = where in {".", "", posixpath.normpath(context or ".")}
            for path in _below(tree, "" if where == "." else where, everything):
                if not _NOT_RUN.search(path):
                    yield path


def _below(tree: Tree, where: str, top_only: bool) -> Iterator[str]:
    if re.search(r"[*?]", where):
        yield from (path for path in _python(tree) if fnmatch(path, where))
    elif where.endswith(".py"):
        yield from [where] if where in tree.files else []
    else:
        prefix = f"{where}/" if where else ""
        for path in _python(tree):
            if path.startswith(prefix) and not (top_only and "/" in path[len(prefix):]):
                yield path


def _python(tree: Tree) -> tuple[str, ...]:
    return tree.once("python files", lambda: tuple(
        sorted(path for path in tree.files if path.endswith(".py"))
    ))


def mistakes(texts: Sequence[str]) -> list[tuple[int, str] | None] | Unknown:
    """Return the line and the words of the mistake in each text; None where it parses."""
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _PROGRAM], input=json.dumps(list(texts)),
            capture_output=True, text=True, timeout=SECONDS, check=True,
        )
        said = json.loads(done.stdout)
    except (subprocess.SubprocessError, OSError, ValueError) as error:
        return Unknown("python", f"its parser did not answer: {type(error).__name__}",
                       "leave files out: --exclude")
    found: list[tuple[int, str] | None] = []
    for text, one in zip(texts, said, strict=True):
        if one and sys.version_info < (3, 15) and _newer(text, one[0]):
            one = None
        found.append((int(one[0]), str(one[1])) if one else None)
    return found


def _newer(text: str, line: int) -> bool:
    """Whether a mistake may be none to a newer Python: what stands near it is read differently."""
    lines = text.split("\n")
    return any(_NEWER.search(one) for one in lines[max(line - 2, 0) : line + 1])


def wrong(code: Iterable[PythonCode]) -> Iterator[tuple[PythonCode, int, str] | Unknown]:
    """Yield each piece that does not parse, with its line in the file and the parser's words."""
    pieces = list(code)
    texts = list(dict.fromkeys(text for one in pieces for text in one.spellings))
    said = mistakes(texts) if texts else []
    if isinstance(said, Unknown):
        yield said
        return
    known = dict(zip(texts, said, strict=True))
    for one in pieces:
        answers = [known[text] for text in one.spellings]
        first = answers[0]
        if first and all(answers):
            yield one, one.line + first[0] - 1, first[1]
