"""QEMU with Debian's own kernel, accelerated by KVM or not at all."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path

from xnai.lab import checks
from xnai.lab.backends.base import IDENTITY, Launch
from xnai.lab.disk import GuestFile
from xnai.lab.errors import LabError
from xnai.lab.progress import Progress
from xnai.lab.spec import Config

PROGRAM = "qemu-system-x86_64"
PACKAGE = "qemu-system-x86"
KERNEL = "vmlinuz"
INITRD = "initrd.img"
QMP = "qmp.sock"
# Emulated, a plain processor: the kernel double-faults on some richer models.
PROCESSOR = {"kvm": "host", "tcg": "qemu64"}
BOOT_TIMEOUT_S = {"kvm": 90.0, "tcg": 600.0}


class Qemu:
    """Machines under QEMU.

    Args:
        name: kvm or tcg.
    """

    needs_kernel_on_disk = True
    copies_on_write = False
    pinned = False

    def __init__(self, name: str) -> None:
        self.name = name
        self.boot_timeout_s = BOOT_TIMEOUT_S[name]

    def missing(self) -> list[str]:
        """Debian packages that are needed and not installed on this host.

        Returns:
            Their names.
        """
        return [PACKAGE] if checks.missing_tools([PROGRAM]) else []

    def build(self, progress: Progress, kernel_name: str = "plain", *, refresh: bool) -> None:
        """Nothing to build: the kernel is part of the image.

        Args:
            progress: not used.
            kernel_name: not used.
            refresh: not used.
        """

    def prepare(self, directory: Path, config: Config, image_dir: Path) -> list[GuestFile]:
        """Copy the kernel and its initial file system out of the image.

        Args:
            directory: the machine's folder.
            config: the machine.
            image_dir: the folder of the image or snapshot that the disk was copied from.

        Returns:
            Nothing for the guest.
        """
        for name in (KERNEL, INITRD):
            if not (image_dir / name).exists():
                raise LabError(f"{image_dir} has no {name}", todo="run `xnai lab build`")
            shutil.copy2(image_dir / name, directory / name)
        return []

    def launch(self, directory: Path, config: Config) -> Launch:
        """The command that boots the machine, its folder being the working directory.

        Args:
            directory: the machine's folder.
            config: the machine.

        Returns:
            The command.
        """
        words = command(self.name, config)
        # A machine that an older version made has its name and keys on its disk.
        if (directory / IDENTITY).exists():
            words += ["-drive", f"file={IDENTITY},if=virtio,format=raw,readonly=on"]
        return Launch(words)

    def helpers(self, directory: Path, config: Config) -> dict[str, Launch]:
        """No processes beside the machine.

        Args:
            directory: not used.
            config: not used.

        Returns:
            Nothing.
        """
        return {}

    def set_link(self, directory: Path, up: bool) -> None:
        """Cut or restore the network card's link by QEMU's control socket.

        Args:
            directory: the machine's folder.
            up: False cuts it.

        Raises:
            LabError: QEMU does not answer or refuses.
        """
        qmp(directory / QMP, {"execute": "set_link", "arguments": {"name": "net0", "up": up}})


def command(accelerator: str, config: Config) -> list[str]:
    """The words that boot a machine; relative paths are in the machine's folder.

    Args:
        accelerator: kvm or tcg.
        config: the machine.

    Returns:
        The command.
    """
    forward = f"hostfwd=tcp:127.0.0.1:{config.ssh_port}-10.0.2.15:22"
    return [
        PROGRAM,
        "-accel", accelerator,
        "-cpu", PROCESSOR[accelerator],
        "-smp", str(config.cpus),
        "-m", f"{config.memory_mib}M",
        "-nodefaults",
        "-display", "none",
        "-serial", "stdio",
        "-qmp", f"unix:{QMP},server=on,wait=off",
        "-kernel", KERNEL,
        "-initrd", INITRD,
        "-append", "root=LABEL=lab-root rw console=ttyS0 net.ifnames=0",
        "-drive", "file=disk.ext4,if=virtio,format=raw,discard=unmap",
        "-netdev", f"user,id=user0,{forward}",
        "-device", "virtio-net-pci,netdev=user0,id=net0",
        "-device", "virtio-rng-pci",
    ]  # fmt: skip


def qmp(path: Path, order: dict[str, object], timeout_s: float = 5.0) -> None:
    """Give QEMU one order by its control socket.

    Args:
        path: the socket.
        order: the command as QMP wants it.
        timeout_s: seconds for every answer.

    Raises:
        LabError: there is no answer, or it is an error.
    """
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout_s)
            connection.connect(str(path))
            stream = connection.makefile("rw")
            stream.readline()
            for words in ({"execute": "qmp_capabilities"}, order):
                stream.write(json.dumps(words) + "\n")
                stream.flush()
                answer = json.loads(stream.readline())
                while "event" in answer:
                    answer = json.loads(stream.readline())
                if "error" in answer:
                    raise LabError("QEMU refused an order", found=str(answer["error"]))
    except (OSError, json.JSONDecodeError) as error:
        raise LabError("QEMU does not answer", found=f"{path}: {error}") from error
