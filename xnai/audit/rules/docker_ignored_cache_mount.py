"""Cache mounts that the tool which runs never reads."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

_UV = re.compile(r"\buv\s+(pip\s+install|sync|add|tool\s+install)")
_PIP = re.compile(r"(?<!uv )\bpip[\d.]*\s+(--\S+\s+\S+\s+)*install")


class DockerIgnoredCacheMount(Rule):
    """pip's cache for uv, uv's for pip, or a cache that an option switches off."""

    id = "docker_ignored_cache_mount"
    severity = "warning"
    title = "cache mount that nothing reads"
    remedy = (
        "Mount the tool's own cache (/root/.cache/uv, /root/.cache/pip) and drop --no-cache-dir."
    )

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield each such mount."""
        for file in tree.dockerfiles:
            for stage in file.stages:
                for run in stage.all("RUN"):
                    for mount in run.flags.get("mount", ()):
                        why = self._why(mount, run.text)
                        if why:
                            yield Hit(file.path, run.first, why)

    def _why(self, mount: str, text: str) -> str:
        target = re.search(r"(?:target|dst|destination)=([^,\s]+)", mount)
        if "type=cache" not in mount or not target:
            return ""
        uv, pip = bool(_UV.search(text)), bool(_PIP.search(text))
        name = target[1].rstrip("/").rpartition("/")[2]
        if name == "pip" and uv and not pip and "UV_CACHE_DIR" not in text:
            return f"uv does not read {target[1]}: everything is fetched again by each build."
        if name == "uv" and pip and not uv:
            return f"pip does not read {target[1]}: everything is fetched again by each build."
        if name == "pip" and pip and not uv and "--no-cache-dir" in text:
            return f"--no-cache-dir keeps pip from {target[1]}."
        if name == "uv" and uv and re.search(r"--no-cache\b(?!-dir)", text):
            return f"--no-cache keeps uv from {target[1]}."
        return ""
