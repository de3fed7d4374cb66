"""The tree that the audit's time is measured on; it is the same each time."""

from __future__ import annotations

from pathlib import Path

LINES, TARGETS = 2_500, 200

_DOCKERFILE = """\
FROM docker.io/library/python:3.12-slim AS build
WORKDIR /app
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt
FROM docker.io/library/python:3.12-slim
COPY --from=build /opt/venv /opt/venv
COPY app.py /app/
USER 1000
EXPOSE 8000
CMD ["python", "/app/app.py"]
"""
_SERVICE = """\
  s{n}:
    build: svc{svc}
    mem_limit: 512m
    ports: ["127.0.0.1:{port}:8000"]
    healthcheck:
      test: [CMD, python, -c, "print()"]
"""


def write(root: Path) -> None:
    """Write a Makefile of LINES lines with TARGETS targets, ten Dockerfiles, four compose files."""
    lines = ["SHELL := /bin/bash", "COMPOSE := docker compose -f compose.yml",
             "VERSION := $(shell git describe)", *(f"VAR_{n} := value{n}" for n in range(100)),
             f".PHONY: {' '.join(f't{n}' for n in range(TARGETS))}"]
    for n in range(TARGETS):
        lines += [
            "", f"t{n}: {f't{n - 1}' if n % 3 else ''} ## does {n}",
            f'\t@echo "step {n} $(VAR_{n % 100})"',
            f"\t@if [ -f file{n} ]; then \\", f"\t    cp file{n} /srv/x; \\", "\telse \\",
            "\t    echo missing; \\", "\tfi", f"\tfor x in a b; do echo $$x-{n}; done",
            f"\t$(COMPOSE) up -d s{n % 5}", f"\tpython3 -m tool --n {n} | tee log{n}",
        ]
    lines += ["# filler"] * (LINES - len(lines))
    (root / "Makefile").write_text("\n".join(lines) + "\n")
    for n in range(10):
        (root / f"svc{n}").mkdir()
        (root / f"svc{n}/requirements.txt").write_text("httpx==0.27.0\n")
        (root / f"svc{n}/app.py").write_text("print(1)\n")
        (root / f"svc{n}/Dockerfile").write_text(_DOCKERFILE)
    for file, name in enumerate(["compose", "compose.b", "compose.c", "compose.d"]):
        (root / f"{name}.yml").write_text("services:\n" + "".join(
            _SERVICE.format(n=n, svc=(file * 5 + n) % 10, port=8000 + file * 10 + n)
            for n in range(5)
        ))
