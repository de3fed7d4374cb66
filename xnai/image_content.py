"""What goes into an image: rendered Dockerfile, packed context, and the hash of both."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from xnai.catalogue import Image, images
from xnai.render import render
from xnai.settings.model import Settings

CONTENT_LABEL = "io.xnai.content"
STACK_LABEL = "io.xnai.stack"


@dataclass(frozen=True)
class BuildInput:
    """An image's whole input.

    Attributes:
        image: what is built.
        reference: localhost/<stack>_<name>:<first 16 digits of the content hash>.
        content_hash: sha256 over the Dockerfile, every context file's path and content, and
            whether it is executable.
        archive: uncompressed tar of the context with the Dockerfile, same bytes for same input.
    """

    image: Image
    reference: str
    content_hash: str
    archive: bytes


def context_files(context: Path) -> list[Path]:
    """Return the files of `context` that belong into an image, sorted.

    In a git checkout what git tracks or would add (nothing that it ignores); elsewhere (an
    unpacked release) every file but bytecode.

    Raises:
        FileNotFoundError: the directory does not exist.
    """
    if not context.is_dir():
        raise FileNotFoundError(f"{context}: no such build context")
    listed = subprocess.run(
        # Root in somebody's checkout runs that person's code already; git need not refuse to list.
        [
            "git", "-c", "safe.directory=*", "-C", str(context),
            "ls-files", "-z", "--cached", "--others", "--exclude-standard",
        ],
        capture_output=True, text=True, check=False,
    )
    if listed.returncode == 0:
        found = [context / name for name in listed.stdout.split("\0") if name]
    else:
        found = [
            path for path in context.rglob("*")
            if "__pycache__" not in path.parts and path.suffix != ".pyc"
        ]
    return sorted(path for path in found if path.is_file())


def build_inputs(settings: Settings) -> list[BuildInput]:
    """Return the input of every image, bases before what is built from them."""
    inputs: dict[str, BuildInput] = {}
    for image in images(settings):
        base = inputs[image.base].reference if image.base else settings.base_image
        files = {"Dockerfile": _dockerfile(settings, image, base).encode()}
        executable = set()
        if image.context:
            for path in context_files(image.context):
                name = f"context/{path.relative_to(image.context)}"
                files[name] = path.read_bytes()
                if path.stat().st_mode & 0o100:
                    executable.add(name)
        if image.base is None:
            for authority in settings.extra_ca_certificates:
                files[f"context/ca/xnai-{Path(authority).stem}.crt"] = Path(authority).read_bytes()
        digest = _digest(files, executable)
        inputs[image.name] = BuildInput(
            image=image,
            reference=f"localhost/{settings.stack_name}_{image.name}:{digest[:16]}",
            content_hash=digest,
            archive=_archive(files, executable),
        )
    return list(inputs.values())


def _dockerfile(settings: Settings, image: Image, base: str) -> str:
    return render(
        f"images/{image.dockerfile}.j2",
        base=base,
        stack_name=settings.stack_name,
        image_name=image.name,
        uid=settings.container_uid,
        gid=settings.container_gid,
        has_ca=bool(settings.extra_ca_certificates),
        index_url=settings.package_index_url,
    )


def _digest(files: dict[str, bytes], executable: set[str]) -> str:
    """One hash over names and contents, each with its length so that none runs into the next."""
    total = hashlib.sha256()
    for name in sorted(files):
        mark = "x " if name in executable else ""
        total.update(f"{len(name.encode())} {name} {mark}{len(files[name])} ".encode())
        total.update(files[name])
    return total.hexdigest()


def _archive(files: dict[str, bytes], executable: set[str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(files):
            info = tarfile.TarInfo(name)
            info.size = len(files[name])
            info.mode = 0o755 if name in executable else 0o644
            tar.addfile(info, io.BytesIO(files[name]))
    return buffer.getvalue()
