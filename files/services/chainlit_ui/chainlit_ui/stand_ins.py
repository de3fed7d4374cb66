"""What Chainlit imports from two packages that are not installed.

`literalai` sends conversations to a service of that name, and drags 70 packages of telemetry in;
Chainlit uses a few of its type names. `syncer` is one function for code without asyncio, which
this service has none of. Neither has a wheel. See excludes.txt.
"""

from __future__ import annotations

import asyncio
import sys
from types import ModuleType
from typing import Literal

_Message = Literal["user_message", "assistant_message", "system_message"]
_True = Literal["run", "tool", "llm", "embedding", "retrieval", "rerank", "undefined"]


def _module(name: str, **content: object) -> None:
    module = ModuleType(name, __doc__)
    module.__dict__.update(content)
    sys.modules[name] = module


def install() -> None:
    """Put the stand-ins where imports find them, before Chainlit is imported."""
    generation = type("BaseGeneration", (), {})
    _module(
        "literalai",
        BaseGeneration=generation,
        ChatGeneration=type("ChatGeneration", (generation,), {}),
        CompletionGeneration=type("CompletionGeneration", (generation,), {}),
        GenerationMessage=dict,
    )
    _module("literalai.observability")
    _module(
        "literalai.observability.step",
        MessageStepType=_Message,
        TrueStepType=_True,
        StepType=_True | _Message,
    )
    # chainlit.element takes asyncio from here.
    _module("syncer", sync=asyncio.run, asyncio=asyncio)
