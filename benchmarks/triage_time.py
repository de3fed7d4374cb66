"""What `xnai triage` costs beside one ssh that runs the same commands by hand.

    .venv/bin/python -m benchmarks.triage_time MACHINE [--runs 7]

The collector notes once which programs it starts, as whom and with which environment. By hand they
are run by one ssh, one after the other, their output thrown away. Both sides alternate. What the
collector asks in its own process (files, the probes' requests) is on its side alone.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from benchmarks import pairs
from benchmarks.wanted import settings_of
from xnai.lab import machine
from xnai.lab.deploying import environment, xnai_argv
from xnai.lab.machine import Machine
from xnai.programs.from_memory import from_memory
from xnai.templating.render import ROOT
from xnai.triage.bundle import make_spec

GOAL_RATIO = 1.5
_NOTED = "/root/triage-commands.json"
_BY_HAND = "/root/triage-by-hand.sh"
_MAIN = f"""\
import json
import subprocess
import sys

from xnai.triage.collect.program import main

noted = []
real = subprocess.Popen


def noting(words, **how):
    noted.append([list(words), dict(how.get("env") or ()), how.get("user")])
    return real(words, **how)


subprocess.Popen = noting
code = main(json.loads({{text!r}}))
with open({_NOTED!r}, "w") as file:
    json.dump(noted, file)
sys.exit(code)
"""


def by_hand(noted: Sequence[tuple[Sequence[str], dict[str, str], int | None]]) -> str:
    """Return the shell text that runs the same programs, one after the other."""
    lines = ["cd /"]
    for words, env, uid in noted:
        user = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"] if uid else []
        settings = [f"{name}={value}" for name, value in env.items()]
        command = shlex.join([*user, "env", "-i", *settings, *words])
        lines.append(f"timeout 8 {command} >/dev/null 2>&1 </dev/null")
    return "\n".join([*lines, ":"]) + "\n"


def measure(one: Machine, runs: int) -> list[str]:
    """Alternate both, and keep the raw data."""
    text = json.dumps(make_spec(settings_of(one)))
    asked = from_memory("xnai-triage", _MAIN.format(text=text), 120)
    given = "\n".join(asked.connector_arguments["_stdin"])
    one.run(asked.get_raw_value(), stdin=given, timeout_s=120)
    noted: list[Any] = json.loads(one.run(f"cat {_NOTED}").stdout)
    one.run(f"cat > {_BY_HAND}", stdin=by_hand(noted))
    words = xnai_argv("triage", "--json")
    said: list[dict[str, float]] = []

    def ours() -> None:
        done = subprocess.run(words, cwd=ROOT, env=environment(one), capture_output=True,
                              text=True, check=False)
        if done.returncode not in (0, 1):
            sys.exit(done.stderr)
        said.append(next(iter(json.loads(done.stdout).values()))["seconds"])

    def hand() -> None:
        subprocess.run(one.ssh_argv(f"sh {_BY_HAND}"), check=True, capture_output=True)

    ours()
    hand()
    said.clear()
    done = [
        run for _ in range(runs) for run in (pairs.timed("a", ours), pairs.timed("b", hand))
    ]
    names = ("xnai triage", f"one ssh, {len(noted)} programs by hand")
    lines = pairs.report("triage of a healthy machine", done, names, GOAL_RATIO)
    pairs.keep("triage_time", done, lines, on_host_s=said, programs=len(noted))
    return lines


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("machine")
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    print("\n".join(measure(machine.find(options.machine), options.runs)))


if __name__ == "__main__":
    main()
