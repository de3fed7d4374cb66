"""The result appears whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from awq.checks import Job, Refused


@contextmanager
def made_whole(job: Job) -> Iterator[Path]:
    """Yield a directory to fill; it becomes the output when the block ends well.

    What was made is removed when it ends otherwise; only SIGKILL leaves OUTPUT.partial behind.

    Raises:
        Refused: somebody else made the output meanwhile, or nothing was made.
    """
    try:
        job.partial.mkdir()  # one of two runs at a time gets it
    except OSError as error:
        raise Refused(f"{job.partial} cannot be made: {error.strerror}") from None
    try:
        yield job.partial
        if not any(job.partial.glob("*.safetensors")):
            raise Refused("the quantisation wrote no weights; its own output above says why")
        if job.output.exists():
            raise Refused(f"{job.output} was made by somebody else meanwhile")
        for path in [*job.partial.rglob("*"), job.partial]:
            _to_disk(path)
        job.partial.rename(job.output)
        _to_disk(job.output.parent)
    except BaseException:
        shutil.rmtree(job.partial, ignore_errors=True)
        raise


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
