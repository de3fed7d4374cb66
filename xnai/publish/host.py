"""On the host: whether a secret's value stands in texts that came on the input."""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

_PODMAN = "/usr/local/bin/xnai-podman"
_MARK = "@@xnai-by-value "
# Shorter ones stand in any text.
_SHORTEST = 8


def values(names: list[str]) -> dict[str, str] | None:
    """Return name -> value of the secrets that exist; None where that cannot be told."""
    try:
        listed = subprocess.run(
            [_PODMAN, "secret", "ls", "--format", "{{.Name}}"], capture_output=True, text=True,
            check=False, timeout=60, cwd="/",
        )
        if listed.returncode:
            return None
        there = [name for name in names if name in listed.stdout.split()]
        if not there:
            return {}
        said = subprocess.run(
            [_PODMAN, "secret", "inspect", "--showsecret", *there], capture_output=True,
            text=True, check=False, timeout=60, cwd="/",
        )
        return {one["Spec"]["Name"]: one["SecretData"] for one in json.loads(said.stdout)}
    except FileNotFoundError:
        return {}  # nothing was deployed here
    except (OSError, ValueError, KeyError, subprocess.TimeoutExpired):
        return None


def places(texts: Mapping[str, str], known: Mapping[str, str]) -> list[tuple[str, int, str]]:
    """Return path, line and name of each secret whose value stands in a text."""
    words = {}
    for name, value in known.items():
        for piece in {value.strip(), *value.split()}:
            if len(piece) >= _SHORTEST and piece != "requirepass":
                words[piece] = name
                words[base64.b64encode(piece.encode()).decode().rstrip("=")] = name
    return sorted({
        (path, number, name)
        for path, text in texts.items() for number, line in enumerate(text.split("\n"), 1)
        for word, name in words.items() if word in line
    })


def main(spec: Mapping[str, Any]) -> None:
    """Look, and print where; never what."""
    texts = json.loads(gzip.decompress(sys.stdin.buffer.read()))
    known = values(spec["secrets"])
    said = {"error": known is None, "found": places(texts, known or {})}
    print(_MARK + json.dumps(said), flush=True)
