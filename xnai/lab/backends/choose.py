"""Which backend a machine gets."""

from __future__ import annotations

import platform

from xnai.lab.backends import probe
from xnai.lab.backends.base import Backend
from xnai.lab.backends.qemu import Qemu
from xnai.lab.backends.uml import Uml
from xnai.lab.errors import LabError
from xnai.lab.progress import Progress


def by_name(name: str) -> Backend:
    """The backend of a name.

    Args:
        name: kvm, uml or tcg.

    Returns:
        The backend.

    Raises:
        LabError: there is none of that name.
    """
    if name == "uml":
        return Uml()
    if name in ("kvm", "tcg"):
        return Qemu(name)
    raise LabError("no such backend", found=name, needed="kvm, uml or tcg")


def choose(wanted: str, progress: Progress) -> Backend:
    """The backend to use.

    Args:
        wanted: auto, or the name of one.
        progress: where a probe is told.

    Returns:
        KVM where it was proven, else user-mode Linux, else QEMU without acceleration.

    Raises:
        LabError: KVM was asked for and does not work.
    """
    if wanted not in ("auto", "kvm"):
        return by_name(wanted)
    verdict = probe.kvm(progress)
    if verdict.works:
        return by_name("kvm")
    if wanted == "kvm":
        raise LabError(
            "KVM does not work here", found=verdict.why, todo="leave --backend away, or use uml"
        )
    fallback = by_name("uml" if platform.machine() == "x86_64" else "tcg")
    progress.say(f"  backend {fallback.name}, because {verdict.why}")
    return fallback


def likely(wanted: str) -> Backend:
    """The backend to name packages for, found without starting anything.

    Args:
        wanted: auto, or the name of one.

    Returns:
        What `choose` would give as far as it is known by now.
    """
    if wanted != "auto":
        return by_name(wanted)
    known = probe.remembered()
    if known and known.works:
        return by_name("kvm")
    return by_name("uml" if platform.machine() == "x86_64" else "tcg")
