"""`xnai triage` and tasks/repair.py against faults on a lab machine, whose truth is data.

    .venv/bin/python -m benchmarks.triage MACHINE [--only ID ...] [--kind KIND] [--pairs N]
        [--healthy N] [--seed N]

Each fault is made, looked at, mended, and waited for until all is healthy again. What was measured
is kept fault by fault in benchmarks/results/triage.json with the commit, so that a score may take
several sittings while the code of triage stays the same; a fault that has a result of this code is
not made again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.pairs import commit_of
from benchmarks.triage_record import record
from benchmarks.triage_score import Fault, pairs, scored, summary
from xnai.lab import machine
from xnai.lab.deploying import deploy, environment, xnai_argv
from xnai.lab.health import check_all, until_healthy
from xnai.lab.machine import Machine
from xnai.templating.render import ROOT

HERE = Path(__file__).parent
FAULTS = HERE / "triage_faults.toml"
RESULT = HERE / "results" / "triage.json"
# A score belongs to what was scored.
CODE = ("xnai/triage", "xnai/diagnostics")
HEALTHY_WITHIN_S = 300
# Of a repair, as SREGym's oracle has it.
REPAIRED_WITHIN_S = 60
STAYS_S = 60
EVERY_S = 0.5


def faults() -> list[Fault]:
    """Return the faults in the order of the file."""
    found: list[Fault] = tomllib.loads(FAULTS.read_text("utf-8"))["fault"]
    return found


def code_digest() -> str:
    """Return what tells one state of triage's code from another."""
    digest = hashlib.sha256()
    for path in _code_files():
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _code_files() -> Iterator[Path]:
    for name in CODE:
        path = ROOT / name
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (one for one in found if one.suffix in (".py", ".toml"))


def look(one: Machine, project: str = "") -> tuple[dict[str, Any], float, int]:
    """Return what triage says of the machine's stack, in how many seconds, and its exit code."""
    started = time.monotonic()
    done = subprocess.run(
        xnai_argv("triage", "--json", *(["--project", project] if project else [])),
        cwd=ROOT, env=environment(one), capture_output=True, text=True, check=False, timeout=300,
    )
    seconds = time.monotonic() - started
    said = json.loads(done.stdout)
    whole = next(iter(said.values()))
    if "error" in whole:
        return {"roots": [], "error": whole["error"]}, seconds, done.returncode
    found: dict[str, Any] = whole["looked"][0] | {"seconds": whole["seconds"]}
    return found, seconds, done.returncode


def make(one: Machine, fault: Fault) -> None:
    """Make a fault."""
    if fault["break"] == "REBOOT":
        one.reboot()
        time.sleep(2)
        return
    one.run(fault["break"], check=False, timeout_s=180)
    time.sleep(0 if fault.get("at_once") else fault.get("waits_s", 3))


def mend(one: Machine, *made: Fault) -> bool:
    """Undo faults, by a deploy where nothing less does; return whether all got healthy."""
    if not made:
        return until_healthy(one, HEALTHY_WITHIN_S)
    again = False
    for fault in made:
        if fault["mend"] == "pyinfra":
            again = True
        else:
            one.run(fault["mend"], check=False, timeout_s=180)
    if all("project" in fault for fault in made):
        time.sleep(5)
        return True
    # What a deploy does not put right, as a role's password, the repair does.
    if again and any(fault.get("repairable") for fault in made):
        deploy(one, deploy_file="tasks/repair.py")
    if again or not until_healthy(one, 120):
        deploy(one)
    if not until_healthy(one, HEALTHY_WITHIN_S):
        return False
    # What this fault left in a log must be history to the next one: each was well after it.
    check_all(one)
    return until_healthy(one, HEALTHY_WITHIN_S)


def repaired(one: Machine) -> dict[str, Any]:
    """Run the repair and return whether all was healthy in time and stayed so."""
    before = _ids(one)
    started = time.monotonic()
    outcome = deploy(one, deploy_file="tasks/repair.py")
    in_time = until_healthy(one, REPAIRED_WITHIN_S)
    stays = one.run(
        f"e=$(($(date +%s)+{STAYS_S})); while [ $(date +%s) -lt $e ]; do "
        "n=$(xnai-podman ps --filter label=io.xnai.config --format '{{.Status}}' | "
        f"grep -c '(healthy)'); [ $n -ge 9 ] || exit 1; sleep {EVERY_S}; done",
        check=False, timeout_s=300,
    ).returncode == 0
    after = _ids(one)
    said, _, _ = look(one)
    return {
        "code": outcome.code, "operations": list(outcome.changed), "in_time": in_time,
        "stays": stays, "seconds": round(time.monotonic() - started, 1),
        "recreated": sorted(name for name in before if before[name] != after.get(name)),
        "left": [f"{root['id']}@{root['entity']}" for root in said["roots"]],
        "good": outcome.code == 0 and in_time and stays and not said["roots"],
    }


def _ids(one: Machine) -> dict[str, str]:
    said = one.run(
        "xnai-podman ps --all --filter label=io.xnai.config --format '{{.Names}} {{.ID}}'",
        check=False,
    ).stdout
    return dict(line.split() for line in said.splitlines())


def run_one(one: Machine, made: Sequence[Fault], repair: bool) -> dict[str, Any]:
    """Make faults, look, mend; return what was measured."""
    for fault in made:
        make(one, fault)
    said, seconds, code = look(one, next((f["project"] for f in made if "project" in f), ""))
    wanted = [root for fault in made for root in fault["roots"]]
    symptoms = [name for fault in made for name in fault.get("symptoms", ())]
    result = scored(said, wanted, symptoms) | {
        "seconds": round(seconds, 1), "on_host_s": said.get("seconds", {}), "code": code,
        "wanted": wanted,
    }
    if not result["exact"]:
        # What it was led by, for whoever mends it.
        result["evidence"] = [
            [root["entity"], root["id"], *(one["text"] for one in root["evidence"])]
            for root in said["roots"]
        ]
    if repair and all(fault.get("repairable") for fault in made):
        result["repair"] = repaired(one)
        if result["repair"]["good"]:
            made = [fault for fault in made if fault["mend"] != "pyinfra"]
    result["mended"] = mend(one, *made)
    return result


def kept() -> dict[str, Any]:
    """Return what earlier sittings measured."""
    return json.loads(RESULT.read_text("utf-8")) if RESULT.exists() else {"results": {}}


def of_this_code(results: dict[str, Any]) -> dict[str, Any]:
    """Return the results of the present code of triage: a score mixes no two."""
    digest = code_digest()
    return {name: one for name, one in results.items() if one["code_digest"] == digest}


def keep(data: dict[str, Any]) -> None:
    """Write the score with all that it is made of."""
    RESULT.parent.mkdir(exist_ok=True)
    results = of_this_code(data["results"])
    data = summary(results) | {"commit": commit_of(), "results": results}
    RESULT.write_text(json.dumps(data, indent=1) + "\n", "utf-8")


def planned(options: argparse.Namespace) -> list[tuple[str, str, list[Fault]]]:
    """Return what is measured: name, kind, faults."""
    all_ = faults()
    if options.only:
        return [(f["id"], f["kind"], [f]) for f in all_ if f["id"] in options.only]
    found = [
        (f["id"], f["kind"], [f]) for f in all_
        if (not options.kind or f["kind"] in options.kind) and ("project" in f) == options.project
    ]
    if options.pairs:
        found = [
            (f"{a['id']}+{b['id']}", "pair", [a, b])
            for a, b in pairs(all_, options.pairs, options.seed)
        ]
    if options.healthy:
        found = [(f"healthy-{n}", "healthy", []) for n in range(options.healthy)]
    return found


def main() -> None:
    """Measure what has no result yet, and keep the score."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("machine")
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--kind", nargs="*")
    parser.add_argument("--project", action="store_true",
                        help="those of benchmarks/triage_project.sh, which was run there")
    parser.add_argument("--pairs", type=int, default=0)
    parser.add_argument("--healthy", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--repair", choices=("all", "needed", "none"), default="all",
                        help="needed: only where a deploy would have to mend it else")
    parser.add_argument("--record", type=Path, help="only write what is collected of each fault")
    parser.add_argument("--again", action="store_true", help="also what has a result")
    options = parser.parse_args()
    one, digest = machine.find(options.machine), code_digest()
    for name, kind, made in planned(options):
        if options.record:
            for fault in made:
                make(one, fault)
            record(one, options.record / name / "collected.json")
            print(f"recorded {name}; healthy again {mend(one, *made)}", flush=True)
            continue
        data = kept()
        old = data["results"].get(name, {})
        if old.get("code_digest") == digest and not options.again:
            continue
        needed = any(fault["mend"] == "pyinfra" for fault in made)
        repair = options.repair == "all" or (options.repair == "needed" and needed)
        result = run_one(one, made, repair and kind != "pair")
        data = kept()
        data["results"][name] = result | {
            "kind": kind, "code_digest": digest, "commit": commit_of(),
        }
        keep(data)
        mark = "ok  " if result["exact"] else "MISS"
        print(f"{mark} {kind:8} {name}: {result['roots']} in {result['seconds']} s; "
              f"repair {result.get('repair', {}).get('good', '-')}; "
              f"healthy again {result['mended']}", flush=True)
        if not result["mended"]:
            sys.exit(f"{name}: the machine did not get healthy again; look at it")
    print(json.dumps(summary(of_this_code(kept()["results"])), indent=1))


if __name__ == "__main__":
    main()
