"""What is to be published, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xnai.reports.documents import Names


@dataclass(frozen=True)
class ToPublish:
    """What is to be published, and where.

    Attributes:
        branch: of the repository.
        remote: name of a remote, or empty: nothing is pushed.
        called: names of the pages.
        rendered: path -> content of Dockerfiles and compose files.
        images: image -> reference.
        version: of this project.
        is_dry: whether only the diff is wanted.
    """

    branch: str
    remote: str
    called: Names
    rendered: Mapping[str, bytes]
    images: Mapping[str, str]
    version: str
    is_dry: bool = False
