"""The whole of what a host is asked, as one JSON text on standard output, secrets taken out."""

from __future__ import annotations

import base64
import json
import os
import time
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from xnai.triage.collect import journal, machine, questions, stores
from xnai.triage.collect.bounded import Login, plain
from xnai.triage.collect.masking import Masked

MARK = "@@xnai-triage "
_LINE = 60_000


def collect(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return what there is on this host.

    Args:
        spec: as xnai.triage.bundle makes it.
    """
    started, clock = time.monotonic(), time.time()
    masked = Masked()
    accounts = stores.accounts(spec["stack_user"])
    with ThreadPoolExecutor(8) as pool:
        reading = [
            pool.submit(
                stores.read, one, masked,
                spec["secrets"] if one.name == spec["stack_user"] else (),
            ) for one in accounts
        ]
        logs, listening = pool.submit(machine.logs), pool.submit(machine.listeners)
        homes = (f"{one.home}/.local/share/containers" for one in accounts)
        paths = ["/", "/var/tmp", *homes]  # noqa: S108  (asked for its room)
        facts = machine.facts(paths, clock)
        found = [one.result() for one in reading]
        facts |= logs.result() | {"listeners": listening.result()}
    asked = time.monotonic()
    # No thread runs by now: the questions are asked by processes of their own.
    for store in found:
        checks = spec["checks"] if store["user"] == spec["stack_user"] else {}
        store["answers"] = questions.all_answers(
            store.get("containers") or [], masked.values, checks
        )
    probed = time.monotonic()
    with ThreadPoolExecutor(6) as pool:
        for store, account in zip(found, accounts, strict=True):
            _details(pool, store, account)
    whole = {
        "host": facts, "stores": found,
        "files": {path: plain(path, 1 << 18) for path in spec["files"]},
        "links": {path: _exists(path) for path in spec["links"]},
        "seconds": {
            "podman": round(asked - started, 2), "probes": round(probed - asked, 2),
            "journal": round(time.monotonic() - probed, 2),
            "all": round(time.monotonic() - started, 2),
        },
    }
    shown: dict[str, Any] = masked.all(whole)
    return shown


def _details(pool: ThreadPoolExecutor, store: dict[str, Any], account: Login) -> None:
    containers = store.get("containers") or []
    logs = [pool.submit(journal.lines, one, account) for one in containers]
    # Of one that is well by its own check that is now.
    last = [
        None if one["health"] == "healthy" and one["status"] == "running"
        else pool.submit(journal.last_healthy, one, account) for one in containers
    ]
    ends = [
        None if one["status"] == "running" else pool.submit(journal.ends, one, account)
        for one in containers
    ]
    for one, lines, when, end in zip(containers, logs, last, ends, strict=True):
        one["ends"] = end.result() if end else []
        one["log"] = lines.result()
        one["last_healthy"] = when.result() if when else None
        one["cgroup"] = stores.cgroup(one["cgroup_path"])
        one["mounts"] = stores.owners(one["mounts"])


def _exists(path: str) -> bool:
    return os.path.lexists(path)


def framed(found: Mapping[str, Any]) -> list[str]:
    """Return lines that survive whatever a login prints around them."""
    text = base64.b64encode(zlib.compress(json.dumps(found).encode())).decode()
    pieces = [text[at : at + _LINE] for at in range(0, len(text), _LINE)]
    return [f"{MARK}{number} {len(pieces)} {one}" for number, one in enumerate(pieces, 1)]


def main(spec: Mapping[str, Any]) -> int:
    """Print it; return 0."""
    print("\n".join(framed(collect(spec))), flush=True)
    return 0


def unframed(lines: Sequence[str]) -> dict[str, Any] | None:
    """Return what `framed` made lines of, or None where not all of it came."""
    pieces: dict[int, str] = {}
    wanted = 0
    for line in lines:
        _, mark, rest = line.partition(MARK)
        words = rest.split(" ", 2)
        if mark and len(words) == 3 and words[0].isdigit() and words[1].isdigit():
            pieces[int(words[0])] = words[2]
            wanted = int(words[1])
    if not wanted or pieces.keys() != set(range(1, wanted + 1)):
        return None
    try:
        packed = base64.b64decode("".join(pieces[one] for one in sorted(pieces)), validate=True)
        found: dict[str, Any] = json.loads(zlib.decompress(packed))
    except (ValueError, zlib.error):
        return None
    return found

