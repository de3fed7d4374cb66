"""`python -m benchmarks.ingest MACHINE`: a thousand notes into the library, and one process a file.

By turns: ten notes as README said it at 96fe5c1 (a loop on the machine, a `podman exec` for each),
and a thousand by `xnai ingest` from here, all of them new. Raw data goes to
benchmarks/results/ingest.json, with the most memory that the API's container had.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.pairs import RESULTS, commit_of
from xnai.lab import machine
from xnai.lab.deploying import ROOT, environment, xnai_argv
from xnai.lab.machine import Machine

NOTES, BY_HAND = 1000, 10
GOAL_RATIO = 20
BASELINE = "96fe5c1"
_LOOP = """
mkdir -p /root/notes && cd /root/notes
for n in $(seq {count}); do printf '# Note {round}-%s\\n\\nThe number is %s.\\n' $n $n > $n.md; done
for n in $(seq {count}); do
    xnai-podman exec -i xnai_rag_api python -m rag_api.ingest --source hand/{round}/$n.md - < $n.md
done
"""
_PEAK = "cat /sys/fs/cgroup/user.slice/user-*/user@*/user.slice/libpod-$(xnai-podman inspect " \
    "--format '{{.Id}}' xnai_rag_api).scope/memory.peak"
WORDS = (
    "tide", "gate", "harbour", "lamp", "rope", "sail", "keel", "deck", "mast", "wave", "crane",
    "pier", "buoy", "anchor", "net",
)


def note(number: int, round_: int) -> str:
    """Return a note of about 150 words in three paragraphs."""
    lines = [
        " ".join(WORDS[(number * 7 + line * 3 + at) % len(WORDS)] for at in range(50)).capitalize()
        for line in range(3)
    ]
    return f"# Note {round_}-{number}\n\n" + ".\n\n".join(lines) + f". Its number is {number}.\n"


def by_hand(one: Machine, round_: int) -> float:
    """Return the seconds that ten notes take, a process for each."""
    started = time.monotonic()
    one.run(_LOOP.format(count=BY_HAND, round=round_), timeout_s=600)
    return time.monotonic() - started


def by_xnai(one: Machine, folder: Path, round_: int) -> float:
    """Return the seconds that a thousand notes take."""
    for number in range(NOTES):
        (folder / f"{number}.md").write_text(note(number, round_), "utf-8")
    started = time.monotonic()
    subprocess.run(
        xnai_argv("ingest", str(folder)), cwd=ROOT, env=environment(one), check=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    return time.monotonic() - started


def main() -> None:
    """Measure by turns, print, and keep all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("machine")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    one = machine.find(options.machine)
    rows: list[dict[str, Any]] = []
    folder = Path(tempfile.mkdtemp(prefix="xnai-notes-"))
    try:
        for round_ in range(options.rounds):
            load = os.getloadavg()[0]
            hand, ours = by_hand(one, round_), by_xnai(one, folder, round_)
            rows.append({
                "by_hand_s_a_file": round(hand / BY_HAND, 3),
                "xnai_s_a_file": round(ours / NOTES, 4),
                "ratio_of_rates": round((hand / BY_HAND) / (ours / NOTES), 1),
                "load": round(load, 2), "peak_mib": int(one.run(_PEAK).stdout) >> 20,
            })
            print(rows[-1], flush=True)
    finally:
        shutil.rmtree(folder)
    found = {"baseline": BASELINE, "commit": commit_of(), "goal_ratio": GOAL_RATIO, "n": len(rows),
             "rows": rows}
    (RESULTS / "ingest.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
