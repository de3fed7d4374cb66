"""Disk images of bare Debian machines, built by mmdebstrap and cached by recipe."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from xnai.lab import bootstrap, paths
from xnai.lab.apt import mirror
from xnai.lab.errors import LabError
from xnai.lab.proc import locked, run_logged
from xnai.lab.progress import Progress
from xnai.lab.recipe import file_digest, recipe_hash, tree_parts

ROOTFS = paths.PACKAGE / "rootfs"
RELEASES = ("trixie", "bookworm")
PACKAGES = (
    "systemd",
    "systemd-sysv",
    "udev",
    "dbus",
    "libpam-systemd",
    "openssh-server",
    "python3",
    "sudo",
    "kmod",
    "procps",
    "iproute2",
    "ca-certificates",
)
# Debian's own kernel, for machines that bring no kernel from outside.
KERNEL_PACKAGES = ("linux-image-cloud-amd64", "initramfs-tools", "zstd")
EPOCH = "1767225600"
IMAGE_MIB = 3072
LABEL = "lab-root"
# Fixed, so that two builds of the same packages differ in as little as possible.
UUID = "6b0e6a9e-3c1b-4c57-9f0b-3d6f8c1a2e70"
HASH_SEED = "1f2d9a52-7c3e-4a70-8a3b-5c0de1ab4e11"


@dataclass(frozen=True)
class DiskImage:
    """A disk image in the cache.

    Args:
        disk: the ext4 file system, a sparse file.
        directory: its folder, with the list of packages (and vmlinuz and initrd.img).
    """

    disk: Path
    directory: Path


def recipe(release: str, *, with_kernel: bool) -> str:
    """Digest of what an image is made of.

    Args:
        release: Debian's code name.
        with_kernel: whether Debian's kernel is part of it.

    Returns:
        16 hexadecimal digits.
    """
    parts: dict[str, str | bytes] = {
        "release": release,
        "mirror": mirror(),
        "packages": " ".join(PACKAGES + (KERNEL_PACKAGES if with_kernel else ())),
        # Another checkout of the same files is the same recipe.
        "hooks": "\n".join(_hooks(Path("OUT"), with_kernel=with_kernel)).replace(str(ROOTFS), ""),
        "filesystem": f"{IMAGE_MIB} {EPOCH} {UUID} {HASH_SEED}",
    }
    parts |= {f"rootfs/{name}": data for name, data in tree_parts(ROOTFS).items()}
    parts |= {f"ca/{p.name}": p.read_bytes() for p in bootstrap.extra_ca_certificates()}
    return recipe_hash(parts)


def packages(release: str, *, with_kernel: bool) -> frozenset[str]:
    """The packages of the image in the cache.

    Args:
        release: Debian's code name.
        with_kernel: whether Debian's kernel is part of it.

    Returns:
        Names; empty where there is no such image.
    """
    kind = f"{release}-kernel" if with_kernel else release
    folder = paths.cache_dir() / "image" / f"{kind}_{recipe(release, with_kernel=with_kernel)}"
    status = folder / "dpkg-status"
    text = status.read_text() if status.exists() else ""
    return frozenset(re.findall(r"^Package: (\S+)$", text, re.MULTILINE))


def _hooks(out: Path, *, with_kernel: bool) -> list[str]:
    hooks = [
        *(
            f'upload "{path}" /usr/local/share/ca-certificates/{path.name}'
            for path in bootstrap.extra_ca_certificates()
        ),
        'chroot "$1" update-ca-certificates',
        *(
            f'upload "{path}" "/{path.relative_to(ROOTFS)}"'
            for path in sorted(ROOTFS.rglob("*"))
            if path.is_file()
        ),
        'chroot "$1" systemctl enable systemd-networkd ssh lab-identity',
        # They take apt's lock at random moments, which would make tests random.
        'chroot "$1" systemctl disable apt-daily.timer apt-daily-upgrade.timer',
        'rm -f "$1"/etc/ssh/ssh_host_*_key "$1"/etc/ssh/ssh_host_*_key.pub',
        'echo lab > "$1/etc/hostname"',
        ': > "$1/etc/machine-id"',
        f'download /var/lib/dpkg/status "{out}/dpkg-status"',
    ]
    if with_kernel:
        hooks += [
            'cp -L "$1/vmlinuz" "$1/initrd.img" "$1/tmp/"',
            f'download /tmp/vmlinuz "{out}/vmlinuz"',
            f'download /tmp/initrd.img "{out}/initrd.img"',
            'rm "$1/tmp/vmlinuz" "$1/tmp/initrd.img"',
        ]
    return hooks


def ensure(
    release: str, progress: Progress, *, with_kernel: bool = False, refresh: bool = False
) -> DiskImage:
    """The image from the cache, built first when it is not there.

    Args:
        release: Debian's code name, one of `RELEASES`.
        progress: where the steps are told.
        with_kernel: put Debian's own kernel into it.
        refresh: build it anew from what Debian offers by now.

    Returns:
        The image.

    Raises:
        LabError: the release is not known or the build failed.
    """
    if release not in RELEASES:
        raise LabError(
            f"the lab has no release {release!r}", found=release, needed=" or ".join(RELEASES)
        )
    kind = f"{release}-kernel" if with_kernel else release
    cache = paths.cache_dir() / "image"
    final = cache / f"{kind}_{recipe(release, with_kernel=with_kernel)}"
    if not refresh and (final / "disk.ext4").exists():
        return DiskImage(final / "disk.ext4", final)
    with locked(cache / f"{kind}.lock", progress, f"the {kind} image in work"):
        if refresh or not (final / "disk.ext4").exists():
            with paths.build_dir(cache, kind) as work:
                _build(release, with_kernel, work, final, progress)
    return DiskImage(final / "disk.ext4", final)


def _build(release: str, with_kernel: bool, work: Path, final: Path, progress: Progress) -> None:
    log = final.parent / f"{release}.log"
    log.unlink(missing_ok=True)
    out = work / "out"
    out.mkdir()
    tar = work / "root.tar"
    argv = bootstrap.command(
        release,
        str(tar),
        packages=PACKAGES + (KERNEL_PACKAGES if with_kernel else ()),
        hooks=_hooks(out, with_kernel=with_kernel),
        extra_sources=(
            f"deb {mirror()} {release}-updates main",
            f"deb {mirror()}-security {release}-security main",
        ),
    )
    with progress.step(f"building the Debian {release} image (once; log: {log})"):
        run_logged(argv, log, env={"SOURCE_DATE_EPOCH": EPOCH})
        # The tree is the same every time; ext4 adds times of its own that tools cannot set.
        (out / "tree.sha256").write_text(f"{file_digest(tar)}\n")
        _make_filesystem(tar, work / "root", out / "disk.ext4", log)
    shutil.rmtree(final, ignore_errors=True)
    out.rename(final)


def _make_filesystem(tar: Path, root: Path, disk: Path, log: Path) -> None:
    """Write the tree of a tar into an ext4 file, with the owners that the tar names."""
    mkfs = [
        "mkfs.ext4", "-q", "-F", "-L", LABEL, "-U", UUID, "-m", "1",
        "-E", f"hash_seed={HASH_SEED},root_owner=0:0",
        "-d", str(root), str(disk), f"{IMAGE_MIB}M",
    ]  # fmt: skip
    script = (
        f'set -e; mkdir "{root}"; '
        f'tar -x --numeric-owner --xattrs --xattrs-include="*" -p -f "{tar}" -C "{root}"; '
        f'exec "$@"'
    )
    # fakeroot remembers the owners that an ordinary user cannot give to files.
    fake = [] if os.geteuid() == 0 else ["fakeroot"]
    run_logged([*fake, "sh", "-c", script, "sh", *mkfs], log, env={"E2FSPROGS_FAKE_TIME": EPOCH})
