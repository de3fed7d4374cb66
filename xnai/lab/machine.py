"""Throw-away machines: make one, find one. What one can do is in `Machine`."""

from __future__ import annotations

from xnai.lab import create, paths
from xnai.lab.errors import LabError
from xnai.lab.guest import CONFIG, Machine
from xnai.lab.progress import Progress, Silent
from xnai.lab.spec import Config, MachineSpec, check_name

__all__ = ["Machine", "MachineSpec", "find", "names", "up"]


def names() -> list[str]:
    """Every machine on this host, running or not.

    Returns:
        Names, sorted.
    """
    root = paths.machines_dir()
    return sorted(path.parent.name for path in root.glob(f"*/{CONFIG}"))


def find(name: str) -> Machine:
    """A machine by name.

    Args:
        name: its name.

    Returns:
        The machine.

    Raises:
        LabError: there is none of that name.
    """
    check_name(name, "machine")
    directory = paths.machines_dir() / name
    config = Config.load(directory / CONFIG)
    if config is None:
        raise LabError(
            f"there is no machine {name!r}",
            found=", ".join(names()) or "no machine at all",
            todo=f"make it: xnai lab up {name}",
        )
    return Machine(config, directory)


def up(spec: MachineSpec, progress: Progress | None = None) -> Machine:
    """Make a machine and boot it; an existing one of that name is booted if it is off.

    Args:
        spec: what it shall be.
        progress: where the steps are told.

    Returns:
        The machine, reachable by ssh.

    Raises:
        LabError: the host lacks something, or the machine did not come up.
    """
    machine = create.make(spec, progress or Silent())
    machine.start(progress)
    return machine
