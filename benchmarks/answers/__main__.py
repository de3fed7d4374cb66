"""`python -m benchmarks.answers`: how many of 60 questions the quoted sentences answer.

Three corpora of 20 texts each were written for it, with questions whose answers stand in one
sentence; half of the questions share no telling word with that sentence. They
were written by somebody who knew nothing of the retrieval. Raw data goes to
benchmarks/results/answers.json.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.pairs import RESULTS

HERE = Path(__file__).parent
PYTHON = HERE.parents[1] / ".venv-services/rag_api/bin/python"
GOAL_RIGHT = 50


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


def main() -> None:
    """Ask, print the summary, and keep all."""
    if not PYTHON.exists():
        sys.exit(f"{PYTHON} is missing: make test-services makes it")
    done = subprocess.run([PYTHON, HERE / "ask.py"], check=True, capture_output=True, text=True)
    rows = json.loads(done.stdout)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, check=True,
                            capture_output=True, text=True).stdout.strip()
    found = summary(rows) | {"goal_right": GOAL_RIGHT, "commit": commit}
    print(json.dumps(found, indent=1))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "answers.json").write_text(json.dumps(found | {"rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
