"""Building stand-ins into the cache."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xnai.lab import bootstrap, paths
from xnai.lab.apt import mirror
from xnai.lab.oci import write_layout
from xnai.lab.proc import locked, run_logged
from xnai.lab.progress import Progress
from xnai.lab.recipe import recipe_hash
from xnai.lab.standins.definitions import StandIn
from xnai.lab.standins.program import write_root

EPOCH = 1767225600
# What the official slim images leave out too; half of the files.
SLIM = (
    "exclude=/usr/share/man/*",
    "exclude=/usr/share/info/*",
    "exclude=/usr/share/locale/*",
    "exclude=/usr/share/doc/*",
    "include=/usr/share/doc/*/copyright",
)
CREATED = "2026-01-01T00:00:00Z"
ENTRYPOINT = "docker-entrypoint.sh"


@dataclass(frozen=True)
class Built:
    """A stand-in in the cache.

    Args:
        standin: what it is.
        layout: its OCI layout.
        digest: its manifest's digest.
    """

    standin: StandIn
    layout: Path
    digest: str


def recipe(standin: StandIn) -> str:
    """Digest of what a stand-in is made of.

    Args:
        standin: the definition.

    Returns:
        16 hexadecimal digits.
    """
    return recipe_hash(
        {
            "definition": repr(standin.given()),
            "entrypoint": standin.script.read_bytes() if standin.script else b"",
            "program": standin.source.read_bytes() if standin.source else b"",
            "labels": json.dumps(standin.labels(), sort_keys=True),
            "mirror": mirror(),
            "epoch": str(EPOCH),
            "slim": " ".join(SLIM),
        }
    )


def ensure(standin: StandIn, progress: Progress, *, refresh: bool = False) -> Built:
    """The stand-in from the cache, built first when it is not there.

    Args:
        standin: the definition.
        progress: where the step is told.
        refresh: build it anew from what Debian offers by now.

    Returns:
        Where it is.
    """
    name = standin.reference.replace("/", "-").replace(":", "-")
    cache = paths.cache_dir() / "standin"
    final = cache / f"{name}_{recipe(standin)}"
    if refresh or not (final / "digest").exists():
        with locked(cache / f"{name}.lock", progress, f"{standin.reference} in work"):
            if refresh or not (final / "digest").exists():
                _build(standin, final, cache / f"{name}.log", progress)
    return Built(standin, final / "oci", (final / "digest").read_text().strip())


def config(standin: StandIn) -> dict[str, Any]:
    """The image's ``config`` object.

    Args:
        standin: the definition.

    Returns:
        What the definition says, with labels and entry point.
    """
    entrypoint = {"Entrypoint": [ENTRYPOINT]} if standin.script else {}
    return {**entrypoint, **standin.config, "Labels": standin.labels()}


def hooks(standin: StandIn) -> tuple[str, ...]:
    """The mmdebstrap hooks that run after the packages.

    Args:
        standin: the definition.

    Returns:
        Its own, then those that put the entry point in place.
    """
    if standin.script is None:
        return standin.hooks
    place = f"/usr/local/bin/{ENTRYPOINT}"
    return (*standin.hooks, f'upload "{standin.script}" {place}', f'chmod 755 "$1{place}"')


def _build(standin: StandIn, final: Path, log: Path, progress: Progress) -> None:
    log.unlink(missing_ok=True)
    with paths.build_dir(final.parent, log.stem) as work:
        out = work / "out"
        out.mkdir()
        with progress.step(f"building a stand-in for {standin.reference} (once; log: {log})"):
            make = write_root if standin.program else _root_of_packages
            digest = write_layout(
                make(standin, work, log, epoch=EPOCH),
                out / "oci",
                config=config(standin),
                created=CREATED,
                tag=standin.tag,
            )
        (out / "digest").write_text(f"{digest}\n")
        shutil.rmtree(final, ignore_errors=True)
        shutil.move(str(out), final)


def _root_of_packages(standin: StandIn, work: Path, log: Path, *, epoch: int) -> Path:
    root = work / "root.tar"
    argv = bootstrap.command(
        standin.suite,
        str(root),
        packages=standin.packages,
        hooks=hooks(standin),
        options=(
            *(f"--skip={step}" for step in ("output/dev", *standin.skip)),
            *(f"--dpkgopt=path-{rule}" for rule in SLIM),
            *(f"--essential-hook={hook}" for hook in standin.essential_hooks),
        ),
        extra_sources=(
            f"deb {mirror()} {standin.suite}-updates main",
            f"deb {mirror()}-security {standin.suite}-security main",
        ),
    )
    run_logged(argv, log, env={"SOURCE_DATE_EPOCH": str(epoch)})
    return root
