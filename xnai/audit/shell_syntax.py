"""What bash says of many short texts, with as few processes as can be."""

from __future__ import annotations

import re
import subprocess
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
    together; where something is wrong among them, each half is read again, down to the single text.
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
        wrong |= _bisected(bash, shared[at : at + _TOGETHER])
    return {number: wrong[text] for number, text in enumerate(texts) if text in wrong}


def _bisected(bash: str, texts: Sequence[str]) -> dict[str, str]:
    """The wrong ones of texts that can be read together, each with bash's complaint."""
    if len(texts) == 1:
        said = syntax_error(bash, texts[0])
        return {texts[0]: said} if said else {}
    if not syntax_error(bash, "".join(f"(\n{text}\n)\n" for text in texts)):
        return {}
    half = len(texts) // 2
    return _bisected(bash, texts[:half]) | _bisected(bash, texts[half:])


def syntax_error(bash: str, text: str) -> str:
    """Return bash's first complaint about a text, which it reads and does not run, or nothing."""
    done = subprocess.run(
        [bash, "--norc", "-n"], input=text.encode("utf-8", "replace"), capture_output=True,
        env={"LC_ALL": "C.UTF-8"}, check=False, timeout=10,
    )
    said = done.stderr.decode("utf-8", "replace").strip().split("\n")[0]
    return (said or "refused") if done.returncode else ""
