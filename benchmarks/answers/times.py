"""How long an answer takes beside one bare completion of the same model; JSON lines.

By turns, question by question: a completion of the question alone, as long as the service lets it
become; the quoted sentences; and the whole answer, which ends where the model is not supported any
more. Processor seconds are those of the model's server and of this process. Run as by_model.py.
"""

# The service's modules are not in this environment.
# mypy: ignore-errors

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from contextlib import aclosing
from pathlib import Path
from typing import Any

from by_model import CONTEXT_TOKENS, Asked, questions, serving
from rag_api import prompt, support
from rag_api.generator import Generator, ModelFailed
from rag_api.prompt import Message
from rag_api.support import Support

# As the service has it.
ANSWER_TOKENS = 256
QUESTIONS = 20
_TICKS = os.sysconf("SC_CLK_TCK")


def processor_s(pid: int) -> float:
    """Return the processor seconds of the model's server and of this process."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / _TICKS + time.process_time()


async def bare(generator: Generator, question: str) -> None:
    """Let the model answer without passages, to its end."""
    try:
        async with aclosing(generator.answer([Message("user", question)])) as pieces:
            async for _ in pieces:
                pass
    except ModelFailed:
        pass  # cut off at the limit, as a long answer is


async def whole(generator: Generator, asked: Asked, question: dict[str, str]) -> None:
    """Search, quote, and let the model go on while it is supported."""
    found = asked.found(question)
    judge = Support(found, question["text"], asked.extractor.near)
    messages = prompt.messages(question["text"], found, CONTEXT_TOKENS - ANSWER_TOKENS)
    rest = ""
    try:
        async with aclosing(generator.answer(messages)) as pieces:
            async for piece in pieces:
                sentences, rest = support.cut(rest + piece)
                if any(judge.problem(sentence) for sentence in sentences):
                    return
    except ModelFailed:
        pass


async def main() -> None:
    """Measure, and print the rows as they come."""
    with tempfile.TemporaryDirectory(prefix="xnai-answers-") as root, serving(
        ANSWER_TOKENS
    ) as (generator, pid):
        asked = Asked(Path(root))
        asked.found(questions()[0])  # loads the encoder
        for question in questions()[:QUESTIONS]:
            row: dict[str, Any] = {"id": question["id"], "load": os.getloadavg()[0]}
            started, cpu = time.perf_counter(), processor_s(pid)
            await bare(generator, question["text"])
            row["bare_s"] = round(time.perf_counter() - started, 3)
            row["bare_cpu_s"] = round(processor_s(pid) - cpu, 3)
            started, cpu = time.perf_counter(), processor_s(pid)
            asked.found(question)
            row["extract_s"] = round(time.perf_counter() - started, 3)
            row["extract_cpu_s"] = round(processor_s(pid) - cpu, 3)
            started, cpu = time.perf_counter(), processor_s(pid)
            await whole(generator, asked, question)
            row["whole_s"] = round(time.perf_counter() - started, 3)
            row["whole_cpu_s"] = round(processor_s(pid) - cpu, 3)
            print(json.dumps(row), flush=True)
        await generator.close()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
