"""Validation errors in words: what, found, allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_SHOWN_CHARACTERS = 60
_SHOWN_ERRORS = 5


def sentences(errors: Sequence[Mapping[str, Any]]) -> str:
    """Return pydantic's errors as one text, such as `top_k = 50: less than or equal to 20`."""
    texts = [_sentence(error) for error in errors[:_SHOWN_ERRORS]]
    if len(errors) > _SHOWN_ERRORS:
        texts.append(f"and {len(errors) - _SHOWN_ERRORS} more")
    return "; ".join(texts)


def _sentence(error: Mapping[str, Any]) -> str:
    """Return one error's sentence."""
    # The first part is where it stood: body, header, path.
    place = "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"][1:]
    ).lstrip(".")
    message = error["msg"]
    if error["type"] == "json_invalid":
        return f"the body is no JSON: {error.get('ctx', {}).get('error', message)}"
    found = error.get("input")
    # !a: half a surrogate pair in what was found could not be sent back.
    shown = "" if found is None or isinstance(found, dict | list) else f" = {found!a}"
    if len(shown) > _SHOWN_CHARACTERS:
        shown = f"{shown[:_SHOWN_CHARACTERS]}…"
    return f"{place or 'the body'}{shown}: {message[:1].lower()}{message[1:]}"
