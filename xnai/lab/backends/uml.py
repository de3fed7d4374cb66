"""User-mode Linux: a kernel of our own as an ordinary process, on any x86-64 Linux host."""

from __future__ import annotations

import os
import platform
import shutil
import signal
from pathlib import Path

from xnai.lab import checks, process
from xnai.lab.backends.base import IDENTITY, Launch
from xnai.lab.disk import GuestFile
from xnai.lab.errors import LabError
from xnai.lab.kernel import build as kernel
from xnai.lab.proc import run_logged
from xnai.lab.progress import Progress
from xnai.lab.spec import Config

# The kernel keeps the guest's memory in an unlinked file below TMPDIR.
MEMORY_DIR = Path("/dev/shm")  # noqa: S108  (memory, not a temporary file)
PLUGIN = Path("/usr/lib/x86_64-linux-gnu/vdeplug/libvdeplug_slirp.so")
BINARY = "linux"
NET = "net"


class Uml:
    """Machines under user-mode Linux."""

    name = "uml"
    boot_timeout_s = 90.0
    needs_kernel_on_disk = False
    copies_on_write = True
    pinned = True

    def missing(self) -> list[str]:
        """Debian packages that are needed and not installed on this host.

        Returns:
            Their names; the whole reason when the processor is not x86-64.
        """
        if platform.machine() != "x86_64":
            raise LabError(
                "user-mode Linux runs on x86-64 only", found=platform.machine(), needed="x86_64"
            )
        lacking = [] if PLUGIN.exists() else ["libvdeplug-slirp"]
        return lacking + (["vdeplug"] if checks.missing_tools(["vde_plug"]) else [])

    def build(self, progress: Progress, kernel_name: str = "plain", *, refresh: bool) -> None:
        """Build the kernel unless it is cached.

        Args:
            progress: where the steps are told.
            kernel_name: one of `kernel.FRAGMENTS`.
            refresh: take a newer version from Debian, if there is one.
        """
        kernel.ensure(progress, kernel_name, refresh=refresh)

    def prepare(self, directory: Path, config: Config, image_dir: Path) -> list[GuestFile]:
        """Copy the kernel into the machine's folder.

        A machine keeps its kernel: rebuilding the cache must not change it.

        Args:
            directory: the machine's folder.
            config: the machine.
            image_dir: not used.

        Returns:
            The lists of built-in drivers, for the guest.
        """
        have = kernel.cached(config.kernel)
        if have is None:
            raise LabError("no kernel in the cache", todo="run `xnai lab build`")
        shutil.copy2(have.binary, directory / BINARY)
        lists = directory / "modules"
        lists.mkdir()
        run_logged(["tar", "-xf", str(have.modules), "-C", str(lists)], directory / "make.log")
        target = f"/usr/lib/modules/{have.release}"
        return [
            GuestFile("/usr/lib/modules", None, 0o755),
            GuestFile(target, None, 0o755),
            *(GuestFile(f"{target}/{p.name}", p, 0o644) for p in sorted(lists.iterdir())),
        ]

    def launch(self, directory: Path, config: Config) -> Launch:
        """The kernel's own command line.

        Args:
            directory: the machine's folder.
            config: the machine.

        Returns:
            The command and the place of the memory file.
        """
        return Launch(command(directory, config), {"TMPDIR": str(MEMORY_DIR)})

    def helpers(self, directory: Path, config: Config) -> dict[str, Launch]:
        """The guest's network in a process of its own, which can be stopped from outside.

        Inside the kernel's process it would be faster, and could not be cut. UDP between
        the two drops packets when the other side is stopped; a Unix socket would block
        the whole guest.

        Args:
            directory: the machine's folder.
            config: the machine.

        Returns:
            One process.
        """
        kernel_side, net_side = checks.udp_ports(config.ssh_port)
        cable = f"udp://127.0.0.1:{net_side}->127.0.0.1:{kernel_side}"
        slirp = f"slirp:///tcpfwd=127.0.0.1:{config.ssh_port}:10.0.2.15:22"
        return {NET: Launch(["vde_plug", cable, slirp])}

    def set_link(self, directory: Path, up: bool) -> None:
        """Cut or restore the network by stopping or continuing its process.

        Connections stay open and go on when it is back, as with a pulled cable.

        Args:
            directory: the machine's folder.
            up: False cuts it.

        Raises:
            LabError: the machine does not run.
        """
        identity = process.running(directory, NET)
        if identity is None:
            raise LabError(f"{directory.name} has no network process", todo="boot it first")
        os.kill(identity.pid, signal.SIGCONT if up else signal.SIGSTOP)


def command(directory: Path, config: Config) -> list[str]:
    """The words that boot a machine.

    Args:
        directory: the machine's folder.
        config: the machine.

    Returns:
        The command.
    """
    kernel_side, net_side = checks.udp_ports(config.ssh_port)
    return [
        str(directory / BINARY),
        f"mem={config.memory_mib}M",
        f"umid={config.name}",
        f"uml_dir={directory / 'uml'}",
        f"ubd0={directory / config.disk_name}{',' if config.base else ''}{config.base}",
        # A machine that an older version made has its name and keys on its disk.
        *([f"ubd1r={directory / IDENTITY}"] if (directory / IDENTITY).exists() else []),
        "root=/dev/ubda",
        "rw",
        "con0=null,fd:1",
        "con=null",
        "ssl=null",
        "net.ifnames=0",
        f"vec0:transport=vde,vnl=udp://127.0.0.1:{kernel_side}->127.0.0.1:{net_side}",
        f"ncpus={config.cpus}",
        # More than one processor is refused without it.
        "seccomp=on",
    ]
