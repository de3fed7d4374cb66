"""The trees that the audit's time is measured on; each is the same each time."""

from __future__ import annotations

from pathlib import Path

_WORDS = "some_name=some_value; other_text that says nothing at all about a thing # and goes on\n"

_DOCKERFILE = """\
FROM docker.io/library/python:3.12-slim
WORKDIR /app
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt
COPY app.py /app/
USER 1000
CMD ["python", "/app/app.py"]
"""


def many_compose_files(root: Path, files: int, script_mb: float) -> None:
    """Write compose files with a variable each beside shell text.

    Args:
        root: an empty directory.
        files: how many compose files.
        script_mb: megabytes of shell text, in five scripts.
    """
    (root / "services").mkdir(parents=True)
    (root / "scripts").mkdir()
    for number in range(files):
        (root / f"services/compose.s{number}.yml").write_text(
            f"services:\n  s{number}:\n    image: docker.io/library/caddy:2.8\n"
            f"    ports: ['127.0.0.1:${{PORT_{number}:-80{number:02d}}}:80']\n"
            f"    environment: {{A: '${{ONLY_SET_BY_HAND_{number}}}'}}\n"
        )
    text = "#!/bin/sh\n" + _WORDS * int(script_mb / 5 * 1e6 / len(_WORDS))
    for number in range(5):
        (root / f"scripts/part{number}.sh").write_text(text)


def long_makefile(root: Path, lines: int = 2_000, dockerfiles: int = 9) -> None:
    """Write a Makefile of many recipes, of which each hundredth command is torn.

    Args:
        root: an empty directory.
        lines: of the Makefile.
        dockerfiles: how many directories with a Dockerfile.
    """
    text = ["SHELL := /bin/bash", ".PHONY: all", "all:", "\t@echo all"]
    number = 0
    while len(text) < lines:
        number += 1
        text += [
            "", f".PHONY: t{number}", f"t{number}: ## does {number}",
            f"\t@echo \"step {number}: $$(date)\" | tee -a 'log {number}'",
            f"\tfor x in a b; do echo \"$$x-{number}\"; done",
            f"\tif [ -f 'file{number}' ]; then cp 'file{number}' /srv/; fi",
            f"\t[ -d \"dir{number}\" ] && (cd \"dir{number}\"; ls)",
        ]
        if number % 20 == 0:
            text.append(f"\tif [ -f x{number} ]; then")
    (root / "Makefile").write_text("\n".join(text) + "\n")
    for at in range(dockerfiles):
        folder = root / f"svc{at}"
        folder.mkdir()
        (folder / "Dockerfile").write_text(_DOCKERFILE.replace("3.12", f"3.{10 + at % 4}"))
        (folder / "requirements.txt").write_text("httpx==0.27.0\n")
        (folder / "app.py").write_text("print(1)\n")
