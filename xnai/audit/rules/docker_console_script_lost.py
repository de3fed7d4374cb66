"""Packages that are copied between stages without their commands."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from xnai.audit.dockerfile import Dockerfile, Instruction, Stage
from xnai.audit.installed import normal, python_packages
from xnai.audit.model import Hit
from xnai.audit.own_images import base_of, line_of_bases
from xnai.audit.rule import Rule
from xnai.audit.shell_words import commands
from xnai.audit.tree import Tree

# Commands that pip puts into bin/, by usual packages.
COMMANDS = frozenset({
    "uvicorn", "gunicorn", "hypercorn", "daphne", "celery", "flask", "django-admin", "alembic",
    "chainlit", "streamlit", "gradio", "fastapi", "jupyter", "jupyter-lab", "mkdocs",
    "sphinx-build", "scrapy", "rq", "dramatiq", "prefect", "airflow", "mlflow", "dagster",
    "litestar", "sanic", "vllm", "huggingface-cli", "pytest", "poetry", "supervisord", "litellm",
    "langflow", "open-webui", "chroma", "ruff", "black", "mypy", "httpie", "ansible", "dvc",
    "bentoml", "ray", "wandb",
})
_PACKAGES = re.compile(
    r"(site|dist)-packages/?(\*|\.)?$|/lib/?$|/lib(64)?/python3[\d.*]*/?$|^/usr/local/lib/?\*?$"
)
_BIN = re.compile(r"/bin/?(\*|\.)?$|venv/?$|^/usr/local/?$|^/usr/?$|\.local/?$|^/$|^/install/?$")


def _copied(copies: list[Instruction]) -> set[str]:
    """The names of the single programs that are copied, and `*` for whole directories of them."""
    names = set[str]()
    for copy in copies:
        for source in copy.sources:
            if _BIN.search(source) or re.search(r"/(venv|env|virtualenv)\b", source):
                names.add("*")
            elif "/bin/" in source or "/bin/" in copy.target:
                names.add(posixpath.basename(source.rstrip("/")))
    return names


def _started(tree: Tree, file: Dockerfile, stages: list[Stage]) -> Iterator[tuple[str, int, str]]:
    """The programs that an image or a compose file starts, with line and file."""
    for stage in stages:
        for one in stage.all("CMD", "ENTRYPOINT", "RUN", "HEALTHCHECK"):
            for words in one.started:
                name = posixpath.basename(words[0])
                yield name, one.first, file.path
                # A script of the tree's that the image starts with.
                scripts = tree.by_name.get(name, ()) if name.endswith(".sh") else ()
                for path in scripts if one.name in {"CMD", "ENTRYPOINT"} else ():
                    for command in commands(tree.text(path)):
                        yield command.name, one.first, file.path
    for compose in tree.composes:
        for service in compose.services:
            if compose.dockerfile(service) == file.path:
                for key in ("command", "entrypoint"):
                    value = service.data.get(key)
                    first = value[:1] if isinstance(value, list) else str(value or "").split()[:1]
                    for word in first:
                        yield posixpath.basename(str(word)), service.line(key), compose.path


class DockerConsoleScriptLost(Rule):
    """COPY --from of Python's packages alone, and a command of theirs that is run."""

    id = "docker_console_script_lost"
    severity = "error"
    title = "a package's command is lost between stages"
    remedy = (
        "Copy a whole virtual environment (/opt/venv), or bin/ too; or run the module: "
        "python -m NAME."
    )

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield commands of the last stage that its COPY --from leaves behind."""
        for file in tree.dockerfiles:
            own = file.lineage(file.last)
            copies = [one for stage in own for one in stage.all("COPY") if "from" in one.flags]
            packages = [one for one in copies
                        if any(map(_PACKAGES.search, (*one.sources, one.target)))]
            programs = _copied(copies)
            if not packages or "*" in programs:
                continue
            there = python_packages(tree, file, own) | {normal(one) for one in programs}
            base = base_of(tree, file)
            there |= python_packages(tree, base or file, line_of_bases(tree, file)[len(own):])
            before = [stage for stage in file.stages if stage not in own]
            brought = python_packages(tree, file, before)
            seen = set()
            for name, line, path in _started(tree, file, own):
                if normal(name) in there or (path, line) in seen \
                        or not (name in COMMANDS or normal(name) in brought):
                    continue
                seen.add((path, line))
                yield Hit(path, line, f"'{name}' lies in bin/ of the stage before; only its "
                          f"packages are copied ({file.path}:{packages[0].first}): not found.")
