"""The real Vikunja's program as an image like the official one, in the lab's registry."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

from tests.vikunja.build import binary
from xnai.lab import paths, registry
from xnai.lab.oci import write_layout
from xnai.lab.proc import run_logged
from xnai.lab.progress import Progress
from xnai.lab.standins.build import CREATED, EPOCH
from xnai.lab.standins.definitions import VIKUNJA
from xnai.lab.standins.program import pack


def serve(version: str, progress: Progress) -> str:
    """Put a version into the lab's registry, built first where the cache lacks it.

    Args:
        version: as in its tag, without the leading v.
        progress: where the steps are told.

    Returns:
        Its reference, as a setting has it.
    """
    with progress.step(f"building Vikunja {version} from its source (once)"):
        program = binary(version)
    # The stand-in's configuration is the official image's.
    real = dataclasses.replace(VIKUNJA, tag=version)
    work = paths.cache_dir() / "vikunja" / f"image-{version}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    tar = pack(program.read_bytes(), real.place, work / "root.tar", epoch=EPOCH)
    write_layout(tar, work / "oci", config=dict(real.config), created=CREATED, tag=version)
    number = registry.up(progress).port
    run_logged(
        [
            "skopeo", "copy", "--insecure-policy", "--dest-tls-verify=false",
            f"oci:{work / 'oci'}:{version}", f"docker://127.0.0.1:{number}/{real.reference}",
        ],
        Path(work / "push.log"),
    )
    tar.unlink()
    return f"docker.io/{real.reference}"
