"""Images as an OCI layout has them, made of a few bytes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from xnai.images.content import BuildInput
from xnai.images.model import CopiedPath, Image
from xnai.images.offer import Offer, described
from xnai.images.plan import Build
from xnai.templating.render import ROOT

BASE_IMAGE = "docker.io/library/python:3.13-slim"
LOCK = CopiedPath(ROOT, "x", "x")


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def wanted(name: str, parent: str = BASE_IMAGE) -> BuildInput:
    content = hashlib.sha256(name.encode()).hexdigest()
    return BuildInput(
        name, Image(name, name, "Dockerfile", (), LOCK), "", parent, "", {"files": name},
        f"localhost/xnai_{name}:{content[:16]}", content, "", {},
    )


class Made:
    """One image: its blobs by digest, and its digests."""

    def __init__(
        self, item: BuildInput, parent_id: str = "", architecture: str = "amd64",
        python: str = "3.13.5", layers: tuple[bytes, ...] = (b"", b"a layer"), content: str = "",
    ) -> None:
        self.reference = item.reference
        self.configuration = json.dumps({
            "architecture": architecture, "os": "linux",
            "config": {
                "Env": ["PATH=/bin", f"PYTHON_VERSION={python}"],
                "Labels": {
                    "io.xnai.content": content or item.content_hash, "io.xnai.parent": parent_id,
                },
            },
            "rootfs": {"type": "layers", "diff_ids": [digest_of(one) for one in layers]},
        }).encode()
        self.manifest = json.dumps({
            "schemaVersion": 2,
            "config": self._descriptor(self.configuration),
            "layers": [self._descriptor(one) for one in layers],
        }).encode()
        self.blobs = {
            digest_of(one): one for one in (*layers, self.configuration, self.manifest)
        }
        self.digest = digest_of(self.manifest)
        self.id = digest_of(self.configuration).partition(":")[2]

    @staticmethod
    def _descriptor(data: bytes) -> dict[str, object]:
        return {"digest": digest_of(data), "size": len(data)}

    @property
    def offer(self) -> Offer:
        return described(self.reference, self.digest, self.manifest, self.configuration)

    def write(self, directory: Path) -> None:
        """Put its blobs into a layout."""
        for digest, data in self.blobs.items():
            path = directory / "blobs" / digest.replace(":", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


BASE = wanted("base")
APP = wanted("app", BASE.reference)
OTHER = wanted("other", BASE.reference)
MADE_BASE = Made(BASE, "python", layers=(b"python", b"base"))
MADE_APP = Made(APP, MADE_BASE.id, layers=(b"python", b"base", b"app"))
MADE_OTHER = Made(OTHER, MADE_BASE.id, layers=(b"python", b"base", b"other"))
PLANNED = [Build(BASE, "absent"), Build(APP, "absent"), Build(OTHER, "absent")]
OFFERS = {one.reference: one.offer for one in (MADE_BASE, MADE_APP, MADE_OTHER)}
