"""Containers' last log lines, and when each was last healthy; bounded whatever is in there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from xnai.triage.collect.bounded import Login, run

_LINES = 150
_MOST = 6 << 20
_LINE_BYTES = 1000
_QUIET = ["journalctl", "--quiet", "--no-pager", "--output=json", "--reverse"]


def lines(container: Mapping[str, Any], account: Login) -> dict[str, Any]:
    """Return a container's last lines, the oldest first, each with its time.

    Args:
        container: as stores.read shows it.
        account: whose it is; its own files are read with its rights.
    """
    if container["log_driver"] == "k8s-file" and container["log_path"]:
        return _of_file(container["log_path"], account)
    if container["log_driver"] not in ("", "journald"):
        return {"error": f"log driver {container['log_driver']}"}
    said = run(
        [*_QUIET, "--all", f"--lines={_LINES}", "--output-fields=MESSAGE",
         f"CONTAINER_ID_FULL={container['id']}", f"_UID={account.uid}"],
        most=_MOST,
    )
    # The newest come first: what is cut off is old.
    found = [one for raw in said.out.split(b"\n") if raw and (one := _entry(raw))]
    if said.code not in (0, 1) and not found:
        return {"error": said.error or "the journal gave no answer in time"}
    return {"lines": found[::-1], "cut": said.cut}


def _entry(raw: bytes) -> list[Any] | None:
    try:
        entry = json.loads(raw)
    except ValueError:
        return None
    message = entry.get("MESSAGE")
    if isinstance(message, list):  # what is no UTF-8
        message = bytes(message).decode("utf-8", "backslashreplace")
    if message is None:
        message = "[a line that the journal does not show]"
    return [int(entry.get("__REALTIME_TIMESTAMP") or 0) / 1e6, short(str(message).rstrip())]


def short(text: str) -> str:
    """Return a line with its middle left out where it is long."""
    if len(text) <= _LINE_BYTES:
        return text
    return f"{text[:700]} […{len(text) - 1000} characters…] {text[-300:]}"


def _of_file(path: str, account: Login) -> dict[str, Any]:
    """The end of a k8s-file log: `time stream F|P text` a line."""
    code = 'test -f "$1" && test ! -L "$1" && exec tail -c 131072 -- "$1"'
    said = run(["sh", "-c", code, "sh", path], account=account)
    if said.code != 0:
        return {"error": f"its log {path} is no plain file that can be read"}
    found = []
    for line in said.text.splitlines()[-_LINES:]:
        when, _, rest = line.partition(" ")
        found.append([when, short(rest.split(" ", 2)[-1])])
    return {"lines": found, "cut": False}


def last_healthy(container: Mapping[str, Any], account: Login) -> float | None:
    """Return when Podman last noted that a container was healthy, seconds since 1970; or None."""
    said = run([
        *_QUIET, "--lines=1", "--output-fields=PODMAN_HEALTH_STATUS",
        f"PODMAN_ID={container['id']}", "PODMAN_EVENT=health_status",
        "PODMAN_HEALTH_STATUS=healthy", f"_UID={account.uid}",
    ])
    try:
        return int(json.loads(said.text)["__REALTIME_TIMESTAMP"]) / 1e6
    except (ValueError, KeyError):
        return None


def ends(container: Mapping[str, Any], account: Login) -> list[dict[str, Any]]:
    """Return how a container ended lately, the last first: Podman's own words in the journal.

    Args:
        container: as stores.read shows it.
        account: whose it is.
    """
    words: list[str] = []
    for event in ("died", "stop", "kill"):
        own = [f"PODMAN_ID={container['id']}", f"PODMAN_EVENT={event}", f"_UID={account.uid}"]
        words += ["+", *own] if words else own
    found = []
    for raw in run([*_QUIET, "--lines=8", *words]).text.splitlines():
        try:
            one = json.loads(raw)
        except ValueError:
            continue
        found.append({
            "time": int(one.get("__REALTIME_TIMESTAMP") or 0) / 1e6,
            "event": one.get("PODMAN_EVENT") or "",
        })
    return found
