"""A checkout that was written for Docker Compose, by `xnai sources` and settings to healthy."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.test_images import container_ids
from tests.lab.users_tree import SOURCE_ONLY, WARNINGS, git, write
from xnai.lab.deploying import ROOT, deploy, host_tests
from xnai.lab.waiting import until

# Builds five services and brings them up three times.
pytestmark = [pytest.mark.lab, pytest.mark.drill_only]

PYTHON = "3.13"  # of the lab's base image
ALIVE = {"command": ["python", "-m", "common.alive"], "interval_s": 5, "retries": 3,
         "start_period_s": 20}


def xnai(*words: str) -> subprocess.CompletedProcess:
    """Run the command line as its user does."""
    return subprocess.run(
        [str(Path(sys.executable).parent / "xnai"), *words], cwd=ROOT, capture_output=True,
        text=True, check=False,
    )


# Touching a page takes user-mode Linux nearly a millisecond: as few as will do, and time for them.
LAB = {"crawler_swap_mib": 0, "stack_healthy_timeout_s": 600}

# Every other second: what weight a build has, and where its programs run. Whether what runs
# stays healthy meanwhile is not judged here: on shared cores it may not, built or
# not.
WATCH = """
touch /run/watch
nohup sh -c 'while [ -e /run/watch ]; do
  for d in /sys/fs/cgroup/user.slice/user-*.slice/user@*.service/xnaibuild.slice; do
    echo "$(date +%s) weight $(cat $d/cpu.weight)"
    echo "$(date +%s) within $(ls -d $d/*/*.scope | wc -l)"
  done
  sleep 2
done' >/root/seen 2>/dev/null </dev/null &
"""


def seen_during_builds(machine) -> dict[str, set[str]]:
    """What was seen until the last build ended: word -> values."""
    machine.run("rm /run/watch")
    end = int(machine.run("stat -c %Y /var/lib/xnai/xnai/build/*.rc | sort -n | tail -n 1").stdout)
    found: dict[str, set[str]] = {"weight": set(), "within": set()}
    for line in machine.run("cat /root/seen").stdout.splitlines():
        second, word, value = line.split(" ", 2)
        # Nothing is read where the slice goes with its last build.
        if int(second) <= end and value:
            found[word].add(value)
    return found


class Settings:
    """A group_data folder with what the user has written so far."""

    def __init__(self, folder: Path, given: dict[str, object]) -> None:
        self.folder = folder
        self.given = given

    def write(self) -> tuple[str, ...]:
        """Write it; return the words of a command line that take it."""
        self.folder.mkdir(exist_ok=True)
        lines = [f"__all__ = {sorted(self.given)!r}"]
        lines += [f"{name} = {value!r}" for name, value in self.given.items()]
        (self.folder / "lab.py").write_text("\n".join(lines) + "\n")
        return ("--group-data", str(self.folder))

    def source(self, service: str, **more: object) -> None:
        """Write keys of one service."""
        self.given["service_sources"][service] |= more


@pytest.fixture
def checkout(tmp_path):
    """The checkout."""
    write(tmp_path / "omega")
    return tmp_path / "omega"


@pytest.fixture
def settings(checkout, tmp_path):
    """What `xnai sources` and `xnai lock` print, written down as they say."""
    read = xnai("sources", str(checkout))
    assert read.returncode == 0, read.stderr
    names: dict[str, object] = {}
    exec(read.stdout, names)  # noqa: S102  (a group_data file)
    found = Settings(tmp_path / "data", {name: names[name] for name in names["__all__"]})
    for name, words in {
        "rag_api": [f"rag_api={checkout}/requirements-api.txt", "--with-sources"],
        "chainlit_ui": [f"chainlit_ui={checkout}/requirements-ui.txt"],
        "crawler": [f"crawler={checkout}/requirements-crawler.txt"],
        "curation_worker": [f"curation_worker={checkout}/requirements-worker.txt"],
        "docs": ["docs", "--package", "mkdocs==1.6.1"],
    }.items():
        said = xnai("lock", *words, "--python", PYTHON, "--into", str(tmp_path / "locks"))
        assert said.returncode == 0, said.stderr
        for key, value in re.findall(r'^  "(\w+)": (.+?),(?:  #.*)?$', said.stdout, re.MULTILINE):
            found.source(name, **{key: json.loads(value)})
    assert git_status(checkout) == ""
    # What `xnai sources` names and leaves to its reader.
    assert read.stdout.count("healthcheck: there is none") == 2
    for name in ("crawler", "curation_worker"):
        found.source(name, health=ALIVE)
    # The lab's image has Debian's Python, whose headers are a package of their own.
    found.source("rag_api", build_apt_packages=["gcc", "libc6-dev", "python3-dev"])
    found.source("docs", strict=False)
    found.given |= LAB
    return found


def example(checkout: Path, locks: Path) -> dict[str, object]:
    """What docs/examples/own_tree.py says, with these places, and the lab's Python."""
    text = (ROOT / "docs/examples/own_tree.py").read_text("utf-8")
    text = text.replace("/home/me/omega", str(checkout))
    text = text.replace("/home/me/xnai/group_data/locks", str(locks))
    text = text.replace('"libc6-dev"', '"libc6-dev", "python3-dev"')
    names: dict[str, object] = {}
    exec(text, names)  # noqa: S102  (a group_data file)
    return {name: names[name] for name in names["__all__"]}


def page(machine, address: str) -> str:
    """What the machine's own loopback answers at a port and path; an error's words otherwise."""
    code = (
        "import sys, urllib.request as u\ntry: print(u.urlopen(sys.argv[1], timeout=20).read()"
        ".decode(), end='')\nexcept OSError as error: print(error)"
    )
    return machine.run(f"python3 - http://127.0.0.1:{address}", stdin=code).stdout


def git_status(checkout: Path) -> str:
    """What git says has changed."""
    return subprocess.run(
        ["git", "-C", str(checkout), "status", "--porcelain"], capture_output=True, text=True,
        check=True,
    ).stdout


def test_from_a_checkout_to_healthy_by_settings_alone(deployed, checkout, settings):
    assert set(settings.given["service_sources"]) == {
        "rag_api", "chainlit_ui", "crawler", "curation_worker", "docs",
    }
    assert sorted(settings.given["service_sources"]["rag_api"]["source_packages"]) == sorted(
        SOURCE_ONLY
    )
    # Three services, each with a fault of its own: each is named, with the setting to write.
    deployed.run(WATCH)
    outcome = deploy(deployed, *settings.write())
    assert outcome.code != 0
    # What is built gives way to what runs.
    seen = seen_during_builds(deployed)
    assert seen["weight"] == {"10"}, (seen, outcome.log)
    assert seen["within"] > {"0"}, "no program of a build ran in the builds' slice"
    # pyinfra begins each line with the host's name.
    said = " ".join(re.sub(r"\[lab-\S+\]", "", outcome.log).split())
    for words in (
        "in service_sources['rag_api'] 'tmpfs': ['/app/.files']",
        "its code asks for rag-service, and nothing in its network is called so",
        "in its service_sources 'aliases': ['rag-service']",
        "raise its limit (crawler_memory_limit_mib)",
    ):
        assert words in said, outcome.log
    assert ": 3 root causes" in said, outcome.log

    # Each remedy is done.
    settings.source("rag_api", tmpfs=["/app/.files"], aliases=["rag", "rag-service"])
    settings.given["crawler_memory_limit_mib"] = 640
    there = example(checkout, checkout.parent / "locks")
    assert settings.given == there | LAB
    words = settings.write()
    outcome = deploy(deployed, *words)
    assert outcome.code == 0, outcome.log
    assert page(deployed, "8001/") == "<p>one"
    assert "Omega" in page(deployed, "8002/changes/")  # behind a link
    assert "gone" in page(deployed, "8002/page-49/")
    assert WARNINGS == 50

    outcome = deploy(deployed, *words)
    assert (outcome.code, outcome.changed) == (0, ()), outcome.log
    done = host_tests(deployed, *words)
    assert done.returncode == 0, done.stdout[-3000:]

    # One line of one service.
    before = container_ids(deployed)
    (checkout / "app/ui/main.py").write_text(
        (checkout / "app/ui/main.py").read_text().replace("<p>", "<b>")
    )
    git(checkout, "add", "-A")
    outcome = deploy(deployed, *words)
    assert outcome.code == 0, outcome.log
    after = container_ids(deployed)
    assert {name for name in after if after[name] != before.get(name)} == {"xnai_chainlit_ui"}
    assert until(lambda: page(deployed, "8001/") == "<b>one", timeout_s=60, every_s=1)


def test_a_module_that_its_lock_lacks_is_named_and_the_remedy_mends_it(deployed, tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "main.py").write_text(
        "import time\nfrom pathlib import Path\n\nimport idna\n\n"
        "Path('/tmp/alive').write_text(idna.encode('a.example').decode())\n"
        "while True:\n    time.sleep(1)\n"
    )
    (tree / "requirements.txt").write_text("pyyaml==6.0.3\n")
    git(tree, "init", "-q")
    git(tree, "add", "-A")

    def lock() -> str:
        said = xnai("lock", f"curation_worker={tree}/requirements.txt", "--python", PYTHON,
                    "--into", str(tmp_path / "locks"))
        assert said.returncode == 0, said.stderr
        return str(tmp_path / "locks/curation_worker.txt")

    own = {
        "context": str(tree), "copy": ["main.py"], "requirements": lock(),
        "command": ["python", "/app/main.py"],
        "health": {"command": ["test", "-e", "/tmp/alive"], "interval_s": 5, "retries": 2,
                   "start_period_s": 5},
    }
    settings = Settings(tmp_path / "data", {"service_sources": {"curation_worker": own}} | LAB)
    outcome = deploy(deployed, *settings.write())
    assert outcome.code != 0
    said = " ".join(re.sub(r"\[lab-\S+\]", "", outcome.log).split())
    assert "the module idna is not in it" in said, outcome.log
    assert "add it to the requirements, xnai lock curation_worker" in said, outcome.log

    (tree / "requirements.txt").write_text("pyyaml==6.0.3\nidna==3.10\n")
    lock()
    outcome = deploy(deployed, *settings.write())
    assert outcome.code == 0, outcome.log
