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
_ALONE = re.compile(r"<<|\bcase\b|\besac\b|`|\\$|#")
_TOGETHER = 100


def syntax_errors(bash: str, texts: Sequence[str]) -> dict[int, str]:
    """Return what `bash -n`, which reads and runs nothing, says of those that are wrong.

    A process a text would take most of an audit. So texts are put in brackets of their own and read
    together; only where something is wrong among them is each read alone. A text that could swallow
    its bracket, and so hide its mistake behind another's, is always read alone.

    Args:
        bash: the program.
        texts: shell texts.

    Returns:
        The number of each wrong text and bash's first complaint.
    """
    found = {}
    shared: list[int] = []
    alone: list[int] = []
    for number, text in enumerate(texts):
        if not PLAIN.fullmatch(text):
            (shared if balanced(text) and not _ALONE.search(text) else alone).append(number)
    for at in range(0, len(shared), _TOGETHER):
        some = shared[at : at + _TOGETHER]
        if _complaint(bash, "".join(f"(\n{texts[number]}\n)\n" for number in some)):
            alone += some
    for number in alone:
        said = _complaint(bash, texts[number])
        if said:
            found[number] = said
    return found


def _complaint(bash: str, text: str) -> str:
    done = subprocess.run(
        [bash, "--norc", "-n"], input=text.encode("utf-8", "replace"), capture_output=True,
        env={"LC_ALL": "C.UTF-8"}, check=False, timeout=10,
    )
    said = done.stderr.decode("utf-8", "replace").strip().split("\n")[0]
    return (said or "refused") if done.returncode else ""
