"""`python -m benchmarks.answers`: how many of 60 questions the quoted sentences answer.

Three corpora of 20 texts each were written for it, with questions whose answers stand in one
sentence; half of the questions share no telling word with that sentence. They
were written by somebody who knew nothing of the retrieval. Raw data goes to
benchmarks/results/answers.json.

--model asks the shipped model 200 questions and tells what of its text would be shown (an hour and
more; results/answers_model.json); --judge does that again with what it said then. 100 of these
answers were judged by hand: judged.toml. --times compares with a bare completion
(results/answers_times.json).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from benchmarks.pairs import RESULTS, commit_of

HERE = Path(__file__).parent
PYTHON = HERE.parents[1] / ".venv-services/rag_api/bin/python"
PYTHON_OF_LLM = HERE.parents[1] / ".venv-services/llm/bin/python"
GOAL_RIGHT = 50
MODEL = "answers_model.json"


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the shares, for all and for each half."""

    def share(some: list[dict[str, Any]], name: str) -> int:
        return sum(row[name] for row in some)

    found: dict[str, Any] = {"questions": len(rows)}
    halves = {"": rows, "_sharing_words": [row for row in rows if row["shares_words"]],
              "_sharing_none": [row for row in rows if not row["shares_words"]]}
    for ending, some in halves.items():
        for name in ("right", "cited", "passage_found"):
            found[f"{name}{ending}"] = share(some, name)
    found["extract_s_median"] = statistics.median(row["extract_s"] for row in rows)
    found["search_s_median"] = statistics.median(row["search_s"] for row in rows)
    return found


def of_model(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what was shown of the model's answers, and how that fits what was judged by hand."""
    judged = tomllib.loads((HERE / "judged.toml").read_text("utf-8"))
    supported = set(judged["supported"])
    shown = {row["id"] for row in rows if row["shown"]}
    by_hand = {row["id"] for row in rows} & {*supported, *judged["unsupported"]}
    return {
        "questions": len(rows), "with_something_shown": len(shown),
        "shown_twice": sum(len(set(row["shown"])) < len(row["shown"]) for row in rows),
        "judged": len(by_hand), "supported": len(supported & by_hand),
        "supported_and_shown": len(supported & shown),
        "unsupported_and_shown": len(set(judged["unsupported"]) & shown),
    }


def of_times(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the medians of the ratios to a bare completion."""
    return {"n": len(rows), **{
        f"{what}_to_bare{unit}": round(statistics.median(
            row[f"{what}{unit}_s"] / row[f"bare{unit}_s"] for row in rows
        ), 3) for what in ("extract", "whole") for unit in ("", "_cpu")
    }}


def _rows(program: str, *arguments: str) -> list[dict[str, Any]]:
    """Run a program of this folder in the service's environment; return its lines."""
    if not PYTHON.exists():
        sys.exit(f"{PYTHON} is missing: make test-services makes it")
    done = subprocess.run(
        [PYTHON, HERE / program, *arguments], check=True, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHON_OF_LLM": str(PYTHON_OF_LLM)},
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def _keep(name: str, found: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    found = found | {"commit": commit_of()}
    print(json.dumps(found, indent=1))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / name).write_text(json.dumps(found | {"rows": rows}, indent=1) + "\n")


def main() -> None:
    """Ask, print the summary, and keep all."""
    parser = argparse.ArgumentParser(description=__doc__)
    one = parser.add_mutually_exclusive_group()
    for option in ("--model", "--judge", "--times"):
        one.add_argument(option, action="store_true")
    options = parser.parse_args()
    if options.model or options.judge:
        kept = [str(RESULTS / MODEL)] if options.judge else []
        rows = _rows("by_model.py", *kept)
        _keep(MODEL, of_model(rows), rows)
    elif options.times:
        rows = _rows("times.py")
        _keep("answers_times.json", of_times(rows), rows)
    else:
        rows = _rows("ask.py")
        _keep("answers.json", summary(rows) | {"goal_right": GOAL_RIGHT}, rows)


if __name__ == "__main__":
    main()
