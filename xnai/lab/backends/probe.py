"""Whether KVM really works: a boot sector that reports back, then a real kernel.

The second part is needed: there are hosts where the first passes and a kernel dies of an
instruction that KVM has to emulate and cannot.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from xnai.lab import checks, image, paths
from xnai.lab.backends.qemu import KERNEL, PACKAGE, PROCESSOR, PROGRAM
from xnai.lab.proc import boot_id
from xnai.lab.progress import Progress
from xnai.lab.spec import load_json, save_json

KVM = Path("/dev/kvm")
LIMIT_S = 5.0
# mov dx,0xf4; mov al,0x10; out dx,al; hlt; jmp to hlt: QEMU's debug-exit device turns
# the value into the exit code (0x10 << 1) | 1.
CODE = bytes([0xBA, 0xF4, 0x00, 0xB0, 0x10, 0xEE, 0xF4, 0xEB, 0xFD])
EXPECTED = 33
# A kernel without a root file system gets this far, then -no-reboot ends QEMU.
KERNEL_SAYS = "Unable to mount root fs"
KERNEL_LIMIT_S = 15.0


@dataclass(frozen=True)
class Verdict:
    """What the probe found.

    Args:
        works: whether a guest ran.
        why: the reason in a few words.
        boot_id: the boot of this host that the verdict holds for.
    """

    works: bool
    why: str
    boot_id: str


def boot_sector() -> bytes:
    """A disk's first sector that ends QEMU at once.

    Returns:
        512 bytes.
    """
    return CODE.ljust(510, b"\0") + b"\x55\xaa"


def kvm(progress: Progress) -> Verdict:
    """Whether KVM works here; asked once per boot of this host.

    Args:
        progress: where the probe is told.

    Returns:
        The verdict.
    """
    if not os.access(KVM, os.R_OK | os.W_OK):
        return Verdict(False, f"{KVM} is absent or not open to this user", boot_id())
    if checks.missing_tools([PROGRAM]):
        return Verdict(False, f"{KVM} is there, {PACKAGE} is not installed", boot_id())
    known = remembered()
    if known:
        return known
    with progress.step("trying KVM"):
        verdict = _boot_sector_verdict()
    if verdict.works:
        kernel = image.ensure("trixie", progress, with_kernel=True).directory / KERNEL
        with progress.step("trying KVM with Debian's kernel"):
            verdict = _kernel_verdict(kernel)
    paths.private_dir(_cache().parent)
    save_json(_cache(), asdict(verdict))
    return verdict


def _cache() -> Path:
    return paths.state_dir() / "kvm.json"


def remembered() -> Verdict | None:
    """The verdict of an earlier probe during this boot of the host.

    Returns:
        The verdict, or None.
    """
    known = load_json(_cache())
    if not known or known.get("boot_id") != boot_id():
        return None
    return Verdict(bool(known["works"]), str(known["why"]), boot_id())


def _qemu(limit_s: float, *words: str) -> tuple[int | None, str]:
    """Run a guest under KVM; its exit code (None: over the limit) and its output."""
    base = [
        PROGRAM, "-accel", "kvm", "-cpu", PROCESSOR["kvm"], "-m", "256M", "-nodefaults",
        "-display", "none", "-no-reboot", "-serial", "stdio",
    ]  # fmt: skip
    try:
        done = subprocess.run(
            [*base, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return None, (error.stdout or b"").decode(errors="replace")
    return done.returncode, done.stdout.decode(errors="replace")


def _boot_sector_verdict() -> Verdict:
    with tempfile.NamedTemporaryFile(suffix=".img") as sector:
        sector.write(boot_sector())
        sector.flush()
        code, output = _qemu(
            LIMIT_S,
            *("-drive", f"file={sector.name},format=raw,if=ide"),
            *("-device", "isa-debug-exit,iobase=0xf4,iosize=1"),
        )
    if code == EXPECTED:
        return Verdict(True, "a boot sector ran", boot_id())
    return Verdict(False, _why(code, output, LIMIT_S), boot_id())


def _kernel_verdict(kernel: Path) -> Verdict:
    code, output = _qemu(
        KERNEL_LIMIT_S, *("-kernel", str(kernel)), *("-append", "console=ttyS0 panic=-1")
    )
    if KERNEL_SAYS in output:
        return Verdict(True, "Debian's kernel ran", boot_id())
    return Verdict(False, _why(code, output, KERNEL_LIMIT_S), boot_id())


def _why(code: int | None, output: str, limit_s: float) -> str:
    broken = [line.strip() for line in output.splitlines() if "KVM" in line]
    if broken:
        return f"{KVM} is there, and says: {broken[0]}"
    end = f"did not end within {limit_s:.0f} s" if code is None else f"ended with code {code}"
    return f"{KVM} is there, and a guest {end}"
