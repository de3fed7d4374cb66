"""Packages that are copied between stages without their commands."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

# Commands that pip puts into bin/, by usual packages.
COMMANDS = re.compile(
    r"(?:^|[\s;&|/])(uvicorn|gunicorn|hypercorn|daphne|celery|flask|django-admin|alembic|chainlit|"
    r"streamlit|gradio|fastapi|jupyter(?:-lab)?|mkdocs|sphinx-build|scrapy|rq|dramatiq|prefect|"
    r"airflow|mlflow|dagster|litestar|sanic|vllm|huggingface-cli|pytest|poetry|supervisord)\b"
)


class DockerConsoleScriptLost(Rule):
    """COPY --from of site-packages alone, and a command of theirs that is run."""

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
            instructions = [one for stage in file.lineage(file.last) for one in stage.instructions]
            copies = [one for one in instructions if one.name == "COPY" and "from" in one.flags]
            packages = [
                one for one in copies
                if any(re.search(r"(site|dist)-packages|/lib/?$", name) for name in one.sources)
            ]
            programs = any(
                re.search(r"/bin\b|venv|^/usr/local/?$|^/usr/?$|\.local/?$|^/$|^/install", name)
                for one in copies for name in one.sources
            )
            installs = any(one.name == "RUN" and "install" in one.text for one in instructions)
            if not packages or programs or installs:
                continue
            for one in instructions:
                match = COMMANDS.search(one.text)
                module = re.search(r"-m\s+\w+", one.text)
                if match and not module and one.name in {"CMD", "ENTRYPOINT", "RUN"}:
                    what = (
                        f"'{match[1]}' lies in bin/ of the stage before; only its packages are "
                        f"copied (line {packages[0].first})."
                    )
                    yield Hit(file.path, one.first, what)
