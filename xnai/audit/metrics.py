"""Numbers and tables beside the findings, each with the command that gives it again."""

from __future__ import annotations

from xnai.audit.metrics_compose import compose_tables
from xnai.audit.metrics_docker import docker_tables
from xnai.audit.metrics_make import make_tables
from xnai.audit.model import Table
from xnai.audit.tree import Tree


def tables(tree: Tree, command: str) -> tuple[Table, ...]:
    """Return the tables of a tree; those without a row are left out."""
    found = [
        *make_tables(tree, command), *docker_tables(tree, command), *compose_tables(tree, command)
    ]
    return tuple(one for one in found if one.rows)
