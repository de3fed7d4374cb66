"""Asking other people's checkers about many texts: in batches, side by side, each text once."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xnai.audit.answer_cache import AnswerCache, key_of
from xnai.diagnostics.finding import Unknown

SECONDS = 60
"""What a batch may take, and a second more for every _BYTES_A_SECOND of it."""

INSTALL = "make setup, or pip install 'xnai[audit]'"
_BYTES_A_SECOND = 20_000
_SHM = "/dev/shm"  # noqa: S108 - a directory of our own is made there, 0700

Answers = list[dict[str, Any]]


def find(name: str) -> str | None:
    """Return the path of a program: beside this Python first, then on PATH."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.is_file() else shutil.which(name)


def identity(name: str) -> str:
    """Return what tells one version of a program from another: its file, and its package's."""
    program = find(name)
    if program is None:
        return ""
    state = Path(program).resolve().stat()
    version = ""
    for package in (name, f"{name}-py", f"{name}-bin"):
        try:
            version = importlib.metadata.version(package)
            break
        except importlib.metadata.PackageNotFoundError:
            continue
    return f"{Path(program).resolve()} {state.st_size} {state.st_mtime_ns} {version}"


@dataclass(frozen=True)
class Checker:
    """A checker that prints JSON about files.

    Attributes:
        name: of the program.
        words: its arguments, without the files.
        suffix: of the files that it is given.
        split: its JSON -> (the name of the file, a finding) for each finding.
        share: a process more is worth its start for so many bytes of text.
        depends: what else its answers depend on, such as a configuration's text.
    """

    name: str
    words: tuple[str, ...]
    suffix: str
    split: Callable[[Any], Iterator[tuple[str, dict[str, Any]]]]
    share: int = 20_000
    depends: str = ""


def ask(
    tool: Checker, texts: Sequence[str], cache: AnswerCache
) -> tuple[list[Answers | Unknown], list[Unknown]]:
    """Return the tool's findings on each text, and what keeps it from any answer at all.

    A text that it does not answer for in time is unknown, the others are not.
    """
    if not texts:
        return [], []
    if find(tool.name) is None:
        missing = Unknown(tool.name, f"{tool.name} is not installed", INSTALL)
        return [missing] * len(texts), [missing]
    version = identity(tool.name)
    keys = {
        text: key_of("tool", version, *tool.words, tool.depends, text)
        for text in dict.fromkeys(texts)
    }
    known: dict[str, Answers | Unknown] = dict(cache.get(keys.values()))
    rest = [text for text, key in keys.items() if key not in known]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for some in pool.map(lambda batch: _batch(tool, batch), _batches(rest, tool.share)):
            known |= {keys[text]: said for text, said in some.items()}
    cache.put({
        keys[text]: known[keys[text]] for text in rest
        if not isinstance(known[keys[text]], Unknown)
    })
    return [known[keys[text]] for text in texts], []


def _batches(texts: Sequence[str], share: int) -> list[list[str]]:
    """Batches of about the same size, as many as there are processors at most."""
    count = min(os.cpu_count() or 1, -(-sum(map(len, texts)) // share) or 1)
    batches: list[list[str]] = [[] for _ in range(count)]
    sizes = [0] * count
    for text in sorted(texts, key=len, reverse=True):
        at = sizes.index(min(sizes))
        batches[at].append(text)
        sizes[at] += len(text) + 200
    return [batch for batch in batches if batch]


def _batch(tool: Checker, texts: Sequence[str]) -> Mapping[str, Answers | Unknown]:
    found = run(tool, texts)
    if not isinstance(found, Unknown):
        return dict(zip(texts, found, strict=True))
    if len(texts) == 1:
        return {texts[0]: found}
    # One text of them holds the others up, or breaks the tool.
    half = len(texts) // 2
    return {**_batch(tool, texts[:half]), **_batch(tool, texts[half:])}


def run(tool: Checker, texts: Sequence[str]) -> list[Answers] | Unknown:
    """Ask a tool about texts in one process."""
    limit = SECONDS + sum(map(len, texts)) / _BYTES_A_SECOND
    with tempfile.TemporaryDirectory(prefix="xnai-audit-", dir=_in_memory()) as folder:
        for number, text in enumerate(texts):
            (Path(folder) / f"{number}{tool.suffix}").write_text(text, "utf-8", "replace")
        paths = [f"./{number}{tool.suffix}" for number in range(len(texts))]
        said = asked(tool.name, [*tool.words, *paths], Path(folder), limit)
    if isinstance(said, Unknown):
        return said
    found: list[Answers] = [[] for _ in texts]
    for name, one in tool.split(said):
        found[int(name.removeprefix("./").removesuffix(tool.suffix))].append(one)
    return found


def _in_memory() -> str | None:
    """Where many small files cost least: ext4 looks long for a free inode after many deletes."""
    return _SHM if os.access(_SHM, os.W_OK | os.X_OK) else None


def asked(name: str, words: Sequence[str], cwd: Path, seconds: float = SECONDS) -> Any | Unknown:
    """Run a tool and return the JSON that it prints."""
    said: object = ""
    program = find(name)
    if program is None:
        return Unknown(name, f"{name} is not installed", INSTALL)
    try:
        done = subprocess.run(
            [program, *words], cwd=cwd, timeout=seconds, stdin=subprocess.DEVNULL,
            capture_output=True, check=False,
        )
        said = done.stderr.decode("utf-8", "replace").strip()[-300:]
        return json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return Unknown(name, f"no answer within {seconds:.0f} s", "leave files out: --exclude")
    except (ValueError, OSError) as error:
        return Unknown(
            name, f"no usable answer: {said or error}", f"run it by hand: {name} --help"
        )
