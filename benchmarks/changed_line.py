"""One changed line of a service's code: the deploy, beside building that image by hand, and beside
building it and making its container anew by hand.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks import pairs
from xnai.lab import deploying
from xnai.lab.machine import Machine
from xnai.lab.progress import Progress
from xnai.templating.render import ROOT

SERVICE = "crawler"
GOAL_RATIO = 1.5
_BUILD = f"sh /var/lib/xnai/xnai/build/{SERVICE}.sh --again"
_RECREATE = (
    "xnai-podman compose -p xnai -f /var/lib/xnai/xnai/stack/docker-compose.yml up --detach "
    f"--no-build --no-deps --force-recreate {SERVICE} && "
    f"until xnai-podman healthcheck run xnai_{SERVICE}; do sleep 1; done"
)
_TIMEOUT_S = 600.0
# The image, its caches, the container, and the image before the one before.
_MOST = 5


def own_tree(directory: Path) -> tuple[Path, tuple[str, ...]]:
    """Make a checkout of the service's files; return a file in it and the words that name it."""
    tree = directory / SERVICE
    shutil.copytree(
        ROOT / "files/services" / SERVICE, tree,
        ignore=shutil.ignore_patterns("tests", "__pycache__", ".*"),
    )
    for words in (("init", "-q"), ("add", "-f", ".")):
        subprocess.run(["git", "-C", str(tree), *words], check=True, capture_output=True)
    source = {"context": str(tree), "copy": [SERVICE], "requirements": "requirements.txt"}
    (directory / "group_data").mkdir()
    (directory / "group_data/lab.py").write_text(
        f'__all__ = ["service_sources"]\nservice_sources = {{{SERVICE!r}: {source!r}}}\n'
    )
    return tree / SERVICE / "__main__.py", ("--group-data", str(directory / "group_data"))


def measure(one: Machine, runs: int, progress: Progress) -> list[str]:
    """Alternate the deploy of a changed line with the same by hand.

    Args:
        one: a provisioned machine; its crawler is deployed anew.
        runs: how often each.
        progress: where each step is told.
    """
    with tempfile.TemporaryDirectory() as folder:
        file, words = own_tree(Path(folder))

        def deploy(number: int) -> None:
            with file.open("a") as code:
                code.write(f"# changed {number}\n")
            outcome = deploying.deploy(one, *words)
            kinds = [name.split(" ")[:2] for name in outcome.changed]
            if outcome.code or ["images:", "build"] not in kinds or len(kinds) > _MOST:
                sys.exit(f"not one image and one container: {outcome.changed}\n{outcome.log}")

        def by_hand(command: str) -> None:
            one.run(command, timeout_s=_TIMEOUT_S)

        deploy(0)
        measured = []
        load = [os.getloadavg()]
        for number in range(1, runs + 1):
            for side, act in (
                ("a", partial(deploy, number)), ("b", partial(by_hand, _BUILD)),
                ("c", partial(by_hand, f"{_BUILD} && {_RECREATE}")),
            ):
                measured.append(pairs.timed(side, act))
                progress.say(f"{side}: {measured[-1].wall_s} s")
        load.append(os.getloadavg())
        deploying.deploy(one)
    names = ("pyinfra inventory.py deploy.py", "podman build by hand")
    lines = pairs.report("One changed line of a service", measured, names, goal=GOAL_RATIO)
    lines.append(
        f"  beside build, up and healthy by hand: median {pairs.median(measured, 'c'):.2f} s; "
        + pairs.ratio(measured, "a", "c")[0]
    )
    pairs.keep("changed_line", measured, lines, commit=pairs.commit_of(), load=load)
    return lines

