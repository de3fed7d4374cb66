"""What bash says of many short texts, with as few processes as can be."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Sequence

from xnai.audit.shell_words import balanced

# Plain words cannot be wrong.
PLAIN = re.compile(
    r"(?!(if|then|else|fi|for|do|done|while|until|case|esac|function)\b)[\w\s./=:@,+%~-]*"
)
# What may swallow the bracket that ends a text among others.
_ALONE = re.compile(r"<<|\bcase\b|\besac\b|`|\\\Z|(?:^|[\s;&|(])#")
_TOGETHER = 400


def syntax_errors(bash: str, texts: Sequence[str]) -> dict[int, str]:
    """Return what `bash -n`, which reads and runs nothing, says of those that are wrong.

    A process a text would take most of an audit. So texts are put in brackets of their own and read
    together, and the line of bash's complaint tells the first that is wrong.
    A text that could swallow its bracket, and so hide its mistake behind another's, is always read
    alone. Equal texts are read once.

    Args:
        bash: the program.
        texts: shell texts.

    Returns:
        The number of each wrong text and bash's first complaint.
    """
    shared: list[str] = []
    alone: list[str] = []
    for text in dict.fromkeys(texts):
        if not PLAIN.fullmatch(text):
            (shared if balanced(text) and not _ALONE.search(text) else alone).append(text)
    wrong = {text: said for text in alone if (said := syntax_error(bash, text))}
    for at in range(0, len(shared), _TOGETHER):
        wrong |= _together(bash, shared[at : at + _TOGETHER])
    return {number: wrong[text] for number, text in enumerate(texts) if text in wrong}


def _together(bash: str, texts: Sequence[str]) -> dict[str, str]:
    """The wrong ones of texts that can be read together, each with bash's complaint.

    Bash stops at the first mistake and names its line, so what stands before is right. Where the
    text at that line is right by itself, the line told too little, and each half is read again.
    """
    wrong: dict[str, str] = {}
    while texts:
        said = syntax_error(bash, "".join(f"(\n{text}\n)\n" for text in texts))
        if not said:
            break
        at = _text_at(said, texts)
        if alone := syntax_error(bash, texts[at]):
            wrong[texts[at]] = alone
            texts = texts[at + 1 :]
        elif len(texts) == 1:
            break
        else:
            half = len(texts) // 2
            return wrong | _together(bash, texts[:half]) | _together(bash, texts[half:])
    return wrong


def _text_at(said: str, texts: Sequence[str]) -> int:
    """The number of the text, each between two lines of brackets, that a complaint's line is in."""
    match = re.search(r"\bline (\d+):", said)
    left = int(match[1]) if match else 1
    for number, text in enumerate(texts):
        left -= text.count("\n") + 3
        if left <= 0:
            return number
    return len(texts) - 1


def syntax_error(bash: str, text: str) -> str:
    """Return bash's first complaint about a text, which it reads and does not run, or nothing."""
    # A file, since bash reads a pipe byte by byte.
    with tempfile.TemporaryFile() as file:
        file.write(text.encode("utf-8", "replace"))
        file.seek(0)
        done = subprocess.run(
            [bash, "--norc", "-n"], stdin=file, capture_output=True,
            env={"LC_ALL": "C.UTF-8"}, check=False, timeout=10,
        )
    said = done.stderr.decode("utf-8", "replace").strip().split("\n")[0]
    return (said or "refused") if done.returncode else ""
