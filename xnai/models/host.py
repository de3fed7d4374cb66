"""Print what the headers of some files say. Runs on the host."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from xnai.models.gguf import NotAModel, read
from xnai.models.shape import NotKnown, shape


def main(paths: Sequence[str]) -> int:
    """Print a JSON object for each file, in order: its shape, or why it has none; return 0."""
    for path in paths:
        # Each is out before the next is begun: one that takes too long takes no other along.
        print(json.dumps(_told(path)), flush=True)
    return 0


def _told(path: str) -> dict[str, Any]:
    try:
        return {"shape": asdict(shape(read(Path(path))))}
    except NotAModel as wrong:
        return {"why": str(wrong), "wrong": True}
    except NotKnown as not_known:
        return {"why": str(not_known), "wrong": False}
    except Exception as error:
        return {"why": f"a fault of xnai's: {type(error).__name__}", "wrong": False}
