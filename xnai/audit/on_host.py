"""The stack's directories of a host, fetched as they are and judged like any tree."""

from __future__ import annotations

import base64
import binascii
import io
import shlex
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pyinfra.api.facts import FactBase
from pyinfra.api.host import Host

from xnai.audit import image_layers
from xnai.audit.image_contents import LISTING, Contents, Programs, of_host, parsed
from xnai.audit.image_layers import ImageLayer
from xnai.diagnostics.finding import Unknown
from xnai.memory.capacity import Capacity
from xnai.run import inspect as looking
from xnai.run.context import current, hardware
from xnai.run.inspect import Where
from xnai.settings.model import Settings

MAX_BYTES = 16 * 1024 * 1024


class StackFiles(FactBase[bytes]):
    """The rendered files of a stack: a tar of its stack and build directories, read only."""

    def command(self, directory: str) -> str:
        """Return the command; a build's log and its packages are not wanted, only what it reads."""
        where = shlex.quote(directory)
        return (
            f"cd {where} && tar -czf - --exclude='*.log*' --exclude='*.whl' --exclude='*.gguf' "
            f"$(ls -d stack build 2>/dev/null) | head -c {MAX_BYTES} | base64 -w 76"
        )

    def requires_command(self, directory: str) -> str:
        """Return the program that must be there; without it the fact is empty."""
        return "tar"

    @staticmethod
    def default() -> bytes:
        """Nothing could be read."""
        return b""

    def process(self, output: Iterable[str]) -> bytes:
        """Return the archive's bytes; empty where they are torn."""
        try:
            return base64.b64decode("".join(output), validate=True)
        except binascii.Error:
            return b""


class StoreContents(FactBase[dict[str, Programs]]):
    """The programs of each image in the stack user's store, read only; empty without a store."""

    def command(self) -> str:
        """Return the command: the wrapper of the deploy reaches that user's store."""
        listing = shlex.quote(LISTING)
        return (
            "command -v xnai-podman >/dev/null || exit 0; timeout 120 xnai-podman unshare sh -c "
            f"{listing} sh $(xnai-podman images --format '{{{{.Repository}}}}:{{{{.Tag}}}}' | "
            f"grep -v '<none>') 2>/dev/null | head -c {MAX_BYTES}"
        )

    @staticmethod
    def default() -> dict[str, Programs]:
        """Nothing could be read."""
        return {}

    def process(self, output: Iterable[str]) -> dict[str, Programs]:
        """Return image -> programs."""
        return parsed(output)


class StoreLayers(FactBase[dict[str, tuple[ImageLayer, ...]]]):
    """The layers of each image in the stack user's store; empty without a store."""

    def command(self) -> str:
        """Return the command, which asks the same wrapper."""
        return (
            "command -v xnai-podman >/dev/null || exit 0; timeout 120 sh -c "
            f"{shlex.quote(image_layers.LISTING)} sh xnai-podman 2>/dev/null | "
            f"head -c {MAX_BYTES}"
        )

    @staticmethod
    def default() -> dict[str, tuple[ImageLayer, ...]]:
        """Nothing could be read."""
        return {}

    def process(self, output: Iterable[str]) -> dict[str, tuple[ImageLayer, ...]]:
        """Return image -> layers."""
        return image_layers.parsed(output)


@dataclass(frozen=True)
class HostSays:
    """What a host answered.

    Attributes:
        archive: its stack's directories.
        images: its images' programs.
        room_mib: what its RAM, or its RAM and compressed swap, hold.
        layers: its images' layers.
    """

    archive: bytes
    images: dict[str, Programs]
    room_mib: int
    layers: dict[str, tuple[ImageLayer, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Fetched:
    """A host's stack directories in a directory here, and what belongs to the judgement."""

    root: Path
    images: Contents
    room_mib: int


def room_mib(settings: Settings, ram_kib: int) -> int:
    """Return what a host can hold: its RAM, or more with compressed swap, as preflight counts."""
    ram = ram_kib // 1024
    capacity = Capacity(
        ram, settings.host_reserve_mib, settings.zram_size_mib, settings.zram_assumed_ratio
    )
    return max(ram, capacity.working_set_mib)


@contextmanager
def fetched(name: str, inventory_file: str) -> Iterator[Fetched | Unknown]:
    """Bring a host's stack directories into a temporary directory.

    Args:
        name: of the host in the inventory.
        inventory_file: path of the inventory.

    Yields:
        What was fetched; or Unknown where the host or its files could not be had.
    """

    def question(host: Host) -> HostSays | None:
        if host.name != name:
            return None
        settings = current(host)
        archive: bytes = host.get_fact(StackFiles, directory=f"/var/lib/xnai/{settings.stack_name}")
        if not archive:
            return None
        return HostSays(
            archive, host.get_fact(StoreContents), room_mib(settings, hardware(host).ram_kib),
            host.get_fact(StoreLayers),
        )

    if not Path(inventory_file).is_file():
        yield Unknown(inventory_file, "is no file", "name the inventory: --inventory FILE")
        return
    answers = {one.host: one for one in looking.ask_each(Where(inventory_file), question)}
    answer = answers.get(name)
    if answer is None:
        yield Unknown(name, f"is not in {inventory_file}", f"one of: {', '.join(answers)}")
    elif answer.error:
        yield Unknown(name, answer.error, "mend that and ask again")
    elif not answer.value:
        yield Unknown(
            name, "has no readable /var/lib/xnai/<stack>", "deploy first, or come as root: --sudo"
        )
    else:
        said = answer.value
        with tempfile.TemporaryDirectory(prefix="xnai-audit-") as folder:
            problem = _unpacked(said.archive, Path(folder))
            yield Unknown(name, problem, "report this as a bug") if problem else Fetched(
                Path(folder), of_host(name, said.images, said.layers), said.room_mib
            )


def _unpacked(archive: bytes, folder: Path) -> str:
    """Unpack an archive; nothing in it may lead out of `folder`. Return what went wrong.

    The host's files are not trusted more than any other tree. tarfile's own filter for this is
    not in Debian 12's Python (3.11.2).
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            for member in tar:
                name = PurePosixPath(member.name)
                if name.is_absolute() or ".." in name.parts:
                    return f"sent an archive with {member.name!r} in it, which leads out of it"
                target = folder / name
                content = tar.extractfile(member) if member.isfile() else None
                if content is not None:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(content.read())
                    target.chmod(member.mode & 0o755 | 0o600)
                elif member.isdir():
                    target.mkdir(parents=True, exist_ok=True)
                else:
                    return f"has {member.name!r}, which is neither a file nor a directory"
    except (tarfile.TarError, EOFError, OSError) as error:
        return f"sent an archive that cannot be unpacked ({error}); {MAX_BYTES:,} bytes at most"
    return ""
