"""A shell text as its simple commands, as far as words can be told without running it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_OPERATOR = re.compile(r"[();<>|&\n]+")
_SETTING = re.compile(r"[A-Za-z_]\w*=")
_WRAPPERS = frozenset({"sudo", "exec", "time", "env", "nice", "command", "nohup", "then", "do",
                       "else", "{", "!", "if", "while", "until"})


@dataclass(frozen=True)
class Command:
    """One simple command: its words without quotes, and the operators around it."""

    words: tuple[str, ...]
    before: str
    after: str

    @property
    def name(self) -> str:
        """The program's name without its directory; empty for a bare setting."""
        return self.words[0].rpartition("/")[2] if self.words else ""


@lru_cache(maxsize=50_000)
def commands(text: str) -> tuple[Command, ...]:
    """Return the simple commands of a shell text, redirections taken out.

    A text whose quotes do not end has none: that is what a syntax check is for. Several rules ask
    for the same text, so the answers are kept.
    """
    return tuple(_commands(text))


def balanced(text: str) -> bool:
    """Return whether the quotes and brackets of a text end where they should."""
    try:
        shlex.split(text)
    except ValueError:
        return False
    return text.count("(") == text.count(")")


def _commands(text: str) -> Iterator[Command]:
    lexer = shlex.shlex(
        re.sub(r"\\\n", " ", text), posix=True, punctuation_chars="();<>|&\n"
    )
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        words = list(lexer)
    except ValueError:
        return
    before, kept = "", list[str]()
    skip = False
    for word in [*words, "\n"]:
        if skip:
            skip = False
        elif not _OPERATOR.fullmatch(word):
            kept.append(word)
        elif "<" in word or word.startswith(">") or word == "&>":
            if kept and kept[-1].isdigit():
                kept.pop()
            skip = not word.endswith("\n")
        else:
            yield from _command(kept, before, word)
            before, kept = word, []


def _command(words: list[str], before: str, after: str) -> Iterator[Command]:
    while words and (words[0] in _WRAPPERS or _SETTING.match(words[0])):
        wrapper, *words = words
        while wrapper in {"sudo", "env", "nice"} and words and words[0].startswith("-"):
            words = words[1:]
    if words and not words[0].startswith("#"):
        yield Command(tuple(words), before, after)
