"""`make bench`: what an audit of a large tree takes, beside the tools that it asks run alone."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import big_tree

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
ROUNDS = 5


def seconds(argv: list[str], folder: str) -> float:
    """Return the best of ROUNDS runs: what else the machine does only adds to it."""
    best = 1e9
    for _ in range(ROUNDS):
        started = time.monotonic()
        subprocess.run(argv, cwd=folder, capture_output=True, check=False)
        best = min(best, time.monotonic() - started)
    return best


def main() -> None:
    """Print a line a measurement."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        big_tree.write(root)
        dockerfiles = sorted(str(path.relative_to(root)) for path in root.glob("*/Dockerfile"))
        composes = sorted(path.name for path in root.glob("*.yml"))
        # What shellcheck alone could read: the recipes as they stand, without make's expansion.
        recipes = "\n".join(
            line[1:].lstrip("@") for line in (root / "Makefile").read_text().splitlines()
            if line.startswith("\t")
        ).replace("$$", "$")
        (root / "recipes.txt").write_text(f"#!/bin/bash\n{recipes}\n")
        rows = {
            "xnai audit": [str(BIN / "xnai"), "audit", "."],
            "xnai audit --no-tools": [str(BIN / "xnai"), "audit", ".", "--no-tools"],
            "hadolint alone": [str(BIN / "hadolint"), *dockerfiles],
            "shellcheck alone, all recipes as one script": [
                str(BIN / "shellcheck"), "--shell=bash", "recipes.txt"],
            "check-jsonschema alone": [
                str(BIN / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec",
                *composes],
            "compose-lint alone": [str(BIN / "compose-lint"), *composes],
        }
        print(f"{big_tree.LINES} lines, {big_tree.TARGETS} targets, {len(dockerfiles)} Dockerfiles,"
              f" {len(composes)} compose files; best of {ROUNDS}:")
        for name, argv in rows.items():
            print(f"  {seconds(argv, folder):6.2f} s  {name}", flush=True)
    # Many compose files, a long Makefile, the cache; --baseline COMMIT compares with a commit.
    subprocess.run([sys.executable, "-m", "benchmarks.audit.speed"], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
