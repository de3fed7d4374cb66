"""Trees of more than a thousand findings of which one or two stop what everybody starts."""

from __future__ import annotations

import random
from pathlib import Path

SEEDS = (1, 2, 3, 4, 5)

_SIDE = ("gone{n}.sh", "missing/tool{n}.py", "lost{n}.sh")


def _fault(seed: int) -> tuple[dict[str, str], dict[str, str], set[str]]:
    """What is broken: files that replace others, lines of Makefile targets, the rules that tell."""
    return [
        ({"api/Dockerfile": "FROM docker.io/library/python:3.12-slim\nWORKDIR /app\n"
          "COPY requirement.txt ./\nRUN pip install --no-cache-dir -r requirement.txt\nUSER 1000\n"
          'CMD ["python", "app.py"]\n'}, {}, {"docker_copy_missing"}),
        ({}, {"build": "\tif [ -d api ]; then\n\t\techo building\n\tfi\n\tdocker compose build\n"},
         {"make_shell_syntax"}),
        ({}, {"up": "\tdocker compose -f compose.yml -f compose.prod.yml up -d\n"},
         {"make_compose_file_missing"}),
        ({"compose.yml": "services:\n  api:\n    build: api\n    depends_on: [cache]\n    secrets: "
          "[key]\n  db:\n    image: docker.io/library/postgres:17\nsecrets:\n  key:\n    file: "
          "secret/api.key\n"}, {}, {"compose_undefined_reference", "compose_missing_file"}),
        ({"api/Dockerfile": "FROM docker.io/library/python:3.12-slim AS build\n"
          "RUN pip install --no-cache-dir chainlit==2.0.0\n"
          "FROM docker.io/library/python:3.12-slim\n"
          "COPY --from=build /usr/local/lib/python3.12 /usr/local/lib/python3.12\n"
          'COPY app.py /\nUSER 1000\nCMD ["chainlit", "run", "/app.py"]\n'}, {},
         {"docker_console_script_lost"}),
    ][seed - 1]


def write(root: Path, seed: int) -> set[str]:
    """Write a tree and return the rules that must be among the first ten findings."""
    chance = random.Random(seed)  # noqa: S311  (a tree for tests)
    files, targets, rules = _fault(seed)
    recipes = {"build": "\tdocker compose build\n", "up": "\tdocker compose up -d\n", **targets}
    lines = [".DEFAULT_GOAL := help", ".PHONY: help build up", "help:\n\t@echo make build, make up",
             *(f"{name}:\n{recipe.rstrip()}" for name, recipe in recipes.items())]
    side = []
    for n in range(450):
        script = chance.choice(_SIDE).format(n=n)
        side.append(f"tool-{n}:\n\tbash ./{script}\n\techo $$A > /dev/null")
    chance.shuffle(side)
    everything = {
        "Makefile": "\n".join([*side[:200], *lines, *side[200:]]) + "\n",
        "compose.yml": "services:\n  api:\n    build: api\n  db:\n"
                       "    image: docker.io/library/postgres:17\n",
        "api/Dockerfile": "FROM docker.io/library/python:3.12-slim\nCOPY app.py /\nUSER 1000\n"
                          'CMD ["python", "/app.py"]\n',
        "api/app.py": "print(1)\n", "api/requirements.txt": "httpx==0.27.0\n",
        **files,
    }
    for n in range(60):
        everything[f"old/{n:02}/Dockerfile"] = (
            f"FROM docker.io/library/python:3.12-slim\nCOPY nowhere{n}.txt /\n"
            f"RUN pip install a>={n}\nCMD [\"python\"]\n")
        everything[f"extra/{n:02}/compose.extra.yml"] = (
            f"services:\n  extra{n}:\n    image: docker.io/library/nginx:1.27\n"
            f"    networks: [net{n}]\n    profiles: [extra]\n")
    for name, text in everything.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return rules
