"""Texts from which the quantisation learns what weights matter.

They should be like what the model will read: the library's own passages are a good choice.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

from awq.checks import Refused


def texts(path: Path, count: int, seed: int) -> list[str]:
    """Return `count` texts of a file, the same ones for the same seed.

    Args:
        path: .jsonl with an object {"text": …} a line, or plain text with blank lines between.
        count: how many.
        seed: of the choice.

    Raises:
        Refused: the file is missing, unreadable, or has fewer.
    """
    try:
        content = path.read_text("utf-8")
    except FileNotFoundError:
        raise Refused(f"--calibration {path}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"--calibration {path}: cannot be read as UTF-8 text: {error}") from None
    found = _of_lines(path, content) if path.suffix == ".jsonl" else content.split("\n\n")
    kept = list(dict.fromkeys(text.strip() for text in found if text.strip()))
    if len(kept) < count:
        raise Refused(
            f"--calibration {path} has {len(kept)} different texts; wanted --samples {count}. "
            "Fewer samples make a worse model; more texts are better"
        )
    return random.Random(seed).sample(kept, count)


def _of_lines(path: Path, content: str) -> list[str]:
    found = []
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        try:
            text = json.loads(line)["text"]
        except (ValueError, KeyError, TypeError):
            text = None
        if not isinstance(text, str):
            raise Refused(f'--calibration {path}, line {number}: wanted {{"text": "…"}}')
        found.append(text)
    return found
