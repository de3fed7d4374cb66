"""What can be measured at once: triage of the hosts, and the audit of the repository itself."""

from __future__ import annotations

import datetime
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xnai.audit.engine import audit
from xnai.audit.options import Options
from xnai.audit.reports.json_text import json_text
from xnai.baseline.run import folder_of
from xnai.reports.documents import Names
from xnai.reports.measurements import FOLDER
from xnai.run.inspect import Answer
from xnai.triage.ask import HostTriage
from xnai.triage.command import judgement_of
from xnai.triage.masking import all_without_passwords, each_text, for_sharing


def now() -> str:
    """Return the name of a measurement that is made now."""
    return f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H%M%SZ}"


def shown_names(hosts: Sequence[str], masked: bool) -> dict[str, str]:
    """Return how each host is called in a report: host-1, host-2, … unless names are wanted."""
    ordered = sorted(hosts)
    return {
        name: f"host-{number}" if masked else re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip(".")
        for number, name in enumerate(ordered, 1)
    }


def keep_triage(
    repository: Path, host: str, when: str, data: Mapping[str, Any], hidden: Sequence[str]
) -> bool:
    """Keep a judgement, unless the newest one says the same.

    Args:
        repository: the checkout.
        host: as it is called in reports.
        when: name of the measurement.
        data: what triage said.
        hidden: names that must not stand in it; empty where they may.
    """
    kept = each_text(data, lambda text: for_sharing(text, hidden)) if hidden else data
    text = json.dumps(kept, indent=1, sort_keys=True) + "\n"
    folder = repository / FOLDER / "triage" / host
    there = sorted(folder.glob("*.json"))
    if there and _same(_read(there[-1]), kept):
        return False
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{when}.json").write_text(text, "utf-8")
    return True


def _read(file: Path) -> Any:
    """What is in a file that is there; nothing, where it is broken: then it is measured anew."""
    try:
        return json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def _same(first: Any, second: Any) -> bool:
    """Whether two judgements say the same: evidence has times, and seconds differ."""
    def plain(data: Any) -> Any:
        return [
            (looked["scope"], [(root["id"], root["entity"]) for root in looked["roots"]],
             [(spot["subject"], spot["why"]) for spot in looked["blind"]])
            for looked in data.get("looked", ())
        ], "error" in data
    return bool(plain(first) == plain(second))


def keep_audit(repository: Path, when: str, names: Names) -> bool:
    """Audit the repository's own build files and keep what it says, unless that is kept already.

    Args:
        repository: the checkout.
        when: name of the measurement.
        names: of our own pages, which are not audited: they repeat what was found.
    """
    ours = (f"{names.meta}/*", f"{names.progress.removesuffix('.md')}*")
    report = audit(repository, Options(cache=False, exclude=ours))
    data = all_without_passwords(json.loads(json_text(report)))
    for finding in data["findings"]:
        del finding["text"]  # a line of a file that stands in the repository itself
    # Where it was started from, and where the checkout lies, are nobody else's.
    data["root"], data["command"] = ".", "xnai audit ."
    for table in data["metrics"]:
        table["command"] = "xnai audit ."
    text = json.dumps(data, indent=1, sort_keys=True).replace(str(repository), ".") + "\n"
    folder = repository / FOLDER / "audit"
    there = sorted(folder.glob("*.json"))
    if there and _untimed(_read(there[-1])) == _untimed(json.loads(text)):
        return False
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{when}.json").write_text(text, "utf-8")
    return True


def _untimed(data: Any) -> Any:
    """An audit without what took how long: that is never twice the same."""
    for table in data.get("metrics", ()):
        timed = {place for place, name in enumerate(table["header"]) if name.endswith("(ms)")}
        table["rows"] = [
            [cell for place, cell in enumerate(row) if place not in timed] for row in table["rows"]
        ]
    return data


def keep_baselines(repository: Path, baselines: Path, names: Mapping[str, str]) -> list[str]:
    """Copy each host's newest two baselines that are not there yet.

    Args:
        repository: the checkout.
        baselines: where `xnai baseline` has written.
        names: host -> how it is called in reports.

    Returns:
        The folders that were copied, below the repository.
    """
    copied = []
    for host, shown in names.items():
        runs = sorted(path for path in (baselines / folder_of(host)).glob("*") if path.is_dir())
        for run in [one for one in runs if not one.name.startswith(".")][-2:]:
            target = repository / FOLDER / "baselines" / shown / run.name
            if target.exists():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            new = target.with_name(f".{run.name}.new")
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir()
            for file in ("samples.jsonl", "baseline.png"):
                shutil.copy(run / file, new / file)
            data = json.loads((run / "baseline.json").read_text("utf-8")) | {"host": shown}
            (new / "baseline.json").write_text(
                json.dumps(data, indent=1, sort_keys=True) + "\n", "utf-8"
            )
            new.rename(target)
            copied.append(str(target.relative_to(repository)))
    return copied


def kept(
    repository: Path, when: str, answers: Sequence[Answer[HostTriage]], shown: Mapping[str, str],
    called: Names, baselines: Path, with_names: bool,
) -> None:
    """Keep all that is new: what triage said of the hosts, the audit, and baselines.

    Args:
        repository: the checkout.
        when: name of the measurement.
        answers: of the hosts.
        shown: host -> how it is called in reports, all of the inventory's.
        called: names of our own pages.
        baselines: where `xnai baseline` has written.
        with_names: whether hosts, users and addresses may be named.
    """
    for one in answers:
        hidden = [] if with_names else [one.host, *(one.value.names if one.value else ()), *shown]
        keep_triage(repository, shown[one.host], when, judgement_of(one), hidden)
    keep_audit(repository, when, called)
    keep_baselines(repository, baselines, shown)
