"""The values of secrets taken out of whatever leaves the host."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

# A shorter value would be found in words that have nothing to do with it.
SHORTEST = 6
# Names of variables whose values are secrets, in projects that have them there.
SECRET_NAME = re.compile(
    r"(?i)(pass|passwd|password|secret|token|api_?key|auth)(_|$|[0-9])|PASSWORD"
)


class Masked:
    """Known secret values, by name; what replaces each is that name.

    Attributes:
        values: name -> value, for questions that need one.
    """

    def __init__(self) -> None:
        self._words: dict[str, str] = {}
        self.values: dict[str, str] = {}

    def add(self, name: str, value: str) -> None:
        """Let a value be taken out, in the spellings in which logs show it.

        Args:
            name: what stands in its place.
            value: the secret; each of its lines counts, and each word of a line of configuration.
        """
        self.values[name] = value
        pieces = {value, *value.splitlines()}
        pieces |= {word for line in value.splitlines() for word in line.split()}
        for piece in filter(lambda one: len(one.strip()) >= SHORTEST, pieces):
            if piece == "requirepass":  # a word of redis.conf, not of the secret
                continue
            raw = piece.encode()
            spellings = {
                piece, quote(piece, safe=""), json.dumps(piece)[1:-1],
                base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode(),
            }
            for one in spellings:
                self._words[one] = f"[secret {name}]"

    def text(self, text: str) -> str:
        """Return a text without the values, the longest first."""
        for word in sorted(self._words, key=len, reverse=True):
            if word in text:
                text = text.replace(word, self._words[word])
        return text

    def all(self, value: Any) -> Any:
        """Return a JSON value without them, in keys too."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.all(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.all(one) for one in value]
        return value
