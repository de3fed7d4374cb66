"""Writing an OCI image layout of one layer, byte for byte the same every time."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xnai.lab.recipe import file_digest

CHUNK = 1024 * 1024


def write_layout(
    tar: Path, target: Path, *, config: Mapping[str, Any], created: str, tag: str
) -> str:
    """Make an OCI layout of a root file system.

    Args:
        tar: the root file system.
        target: the folder to make.
        config: the image's ``config`` object (Cmd, Env, Labels and so on).
        created: the image's date, RFC 3339.
        tag: the name of the image in the layout.

    Returns:
        The manifest's digest, ``sha256:…``.
    """
    blobs = target / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    layer, diff_id = _layer(tar, blobs)
    image = {
        "architecture": "amd64",
        "os": "linux",
        "created": created,
        "config": dict(config),
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        "history": [{"created": created, "comment": "one layer, made by mmdebstrap"}],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": _blob(image, blobs, "application/vnd.oci.image.config.v1+json"),
        "layers": [layer],
    }
    descriptor = _blob(manifest, blobs, "application/vnd.oci.image.manifest.v1+json")
    digest = str(descriptor["digest"])
    descriptor["annotations"] = {"org.opencontainers.image.ref.name": tag}
    index = {"schemaVersion": 2, "manifests": [descriptor]}
    (target / "index.json").write_text(json.dumps(index, sort_keys=True))
    (target / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return digest


def _layer(tar: Path, blobs: Path) -> tuple[dict[str, Any], str]:
    """Pack the layer; its descriptor and the digest of the unpacked tar."""
    plain = hashlib.sha256()
    part = blobs / "layer.part"
    # No name and no time in the header: they would change the digest.
    with (
        tar.open("rb") as source,
        part.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6) as packed,
    ):
        while chunk := source.read(CHUNK):
            plain.update(chunk)
            packed.write(chunk)
    digest = file_digest(part)
    size = part.stat().st_size
    shutil.move(part, blobs / digest)
    media_type = "application/vnd.oci.image.layer.v1.tar+gzip"
    descriptor = {"mediaType": media_type, "digest": f"sha256:{digest}", "size": size}
    return descriptor, f"sha256:{plain.hexdigest()}"


def _blob(data: Mapping[str, Any], blobs: Path, media_type: str) -> dict[str, Any]:
    text = json.dumps(data, sort_keys=True, separators=(",", ":")).encode()
    digest = hashlib.sha256(text).hexdigest()
    (blobs / digest).write_bytes(text)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(text)}
