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
from pathlib import Path

from pyinfra.api.facts import FactBase
from pyinfra.api.host import Host

from xnai import looking
from xnai.audit.model import Unknown
from xnai.looking import Where
from xnai.settings import current

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


@contextmanager
def fetched(name: str, inventory_file: str) -> Iterator[Path | Unknown]:
    """Bring a host's stack directories into a temporary directory.

    Args:
        name: of the host in the inventory.
        inventory_file: path of the inventory.

    Yields:
        The directory; or Unknown where the host or its files could not be had.
    """

    def question(host: Host) -> bytes:
        if host.name != name:
            return b""
        effective = current(host)
        found: bytes = host.get_fact(StackFiles, directory=f"/var/lib/xnai/{effective.stack_name}")
        return found

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
        with tempfile.TemporaryDirectory(prefix="xnai-audit-") as folder:
            problem = _unpacked(answer.value, Path(folder))
            yield Unknown(name, problem, "report this as a bug") if problem else Path(folder)


def _unpacked(archive: bytes, folder: Path) -> str:
    """Unpack an archive; nothing in it may lead out of `folder`. Return what went wrong."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            # The host's files are not trusted more than any other tree.
            tar.extractall(folder, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        return f"sent an archive that cannot be unpacked ({error}); {MAX_BYTES:,} bytes at most"
    return ""
