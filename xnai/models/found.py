"""What was found of a model's file on a host."""

from __future__ import annotations

from dataclasses import dataclass

from xnai.models.needs import Needs
from xnai.models.shape import Shape


@dataclass(frozen=True)
class ModelFile:
    """What was found of a model's file on a host.

    Attributes:
        path: where it is.
        shape: what its header says; None: that is not known.
        needs: the memory for the context that the settings ask for; None likewise.
        why: why it is not known, or empty.
        wrong: the file itself is the reason, and cannot be served.
    """

    path: str
    shape: Shape | None = None
    needs: Needs | None = None
    why: str = ""
    wrong: bool = False
