"""Cache mounts that the tool which runs never reads."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

_UV = re.compile(r"\buv\s+(pip\s+install|sync|add|tool\s+install)")
_PIP = re.compile(r"(?<!uv )\bpip[\d.]*\s+(--\S+\s+\S+\s+)*install")
_TARGET = re.compile(r"(?:target|dst|destination)=([^,\s]*\b(?:pip|uv))/?(?=[,\s]|$)")


def _why(mount: str, text: str) -> str:
    """Why the tool that runs never reads a cache mount; empty where it may."""
    # A variable before it holds the program, most often uv.
    text = re.sub(r"\$\{?\w+\}?\s+pip\s+install", "uv pip install", text)
    target = _TARGET.search(mount)
    if "type=cache" not in mount or not target:
        return ""
    uv, pip = bool(_UV.search(text)), bool(_PIP.search(text))
    name = target[1].rpartition("/")[2]
    if name == "pip" and uv and not pip:
        return f"uv does not read {target[1]}."
    if name == "uv" and pip and not uv:
        return f"pip does not read {target[1]}."
    if name == "pip" and pip and not uv and "--no-cache-dir" in text:
        return f"--no-cache-dir keeps pip from {target[1]}."
    if name == "uv" and uv and re.search(r"--no-cache\b(?!-dir)", text):
        return f"--no-cache keeps uv from {target[1]}."
    return ""


class DockerIgnoredCacheMount(Rule):
    """pip's cache for uv, uv's for pip, or a cache that an option switches off."""

    id = "docker_ignored_cache_mount"
    severity = "warning"
    title = "cache mount that nothing reads"
    remedy = (
        "Mount the tool's own cache (/root/.cache/uv, /root/.cache/pip) and drop --no-cache-dir."
    )

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield each such mount; info where the tool's own cache is mounted beside it."""
        for file in tree.dockerfiles:
            if any(re.search(r"(UV|PIP)_CACHE_DIR", line) for line in file.lines):
                continue
            for stage in file.stages:
                for run in stage.all("RUN"):
                    mounts = [one for one in run.flags.get("mount", ()) if _TARGET.search(one)]
                    reads = any("type=cache" in one and not _why(one, run.text) for one in mounts)
                    for mount in mounts:
                        why = _why(mount, run.text)
                        if why and reads:
                            what = f"{why} This mount is useless; the tool's own is beside it."
                            yield Hit(file.path, run.first, what, severity="info")
                        elif why:
                            what = f"{why} Everything is fetched again by each build."
                            yield Hit(file.path, run.first, what)
