"""Lock the requirements of podman-compose and of every service, with hashes: `make lock`.

Each requirements.in becomes the requirements.txt beside it, for Python 3.11 and newer at once
(--universal). A file compile-options beside it holds further options of `uv pip compile`, one a
line. Exit code 1 where one cannot be locked; the others are locked all the same.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def command(source: Path, upgrade: bool = True) -> list[str]:
    """Return the argv that locks `source`, run in the project's root."""
    options = source.with_name("compile-options")
    return [
        ".tools/uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11",
        "--generate-hashes", "--no-header", *(["--upgrade"] if upgrade else []),
        *(options.read_text("utf-8").split() if options.exists() else []),
        str(source.relative_to(ROOT)), "-o", str(source.relative_to(ROOT).with_suffix(".txt")),
    ]


def main() -> int:
    """Lock all; return the exit code."""
    failed = 0
    for source in sorted((ROOT / "files").rglob("requirements.in")):
        print(f"{source.relative_to(ROOT)} ...", flush=True)
        failed |= subprocess.run(command(source), cwd=ROOT, check=False).returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
