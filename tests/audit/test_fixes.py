"""The fixes of eight trees, applied by git: what is meant changes, and nothing new comes."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xnai.audit.engine import audit
from xnai.audit.fixes import _diff, fixed, preview
from xnai.audit.model import Fix
from xnai.audit.options import Options

OPTIONS = Options(tools=False, cache=False)
NGINX = "image: docker.io/library/nginx:1.27"
DEBIAN = "FROM docker.io/library/debian:13-slim\n"
PODMAN = ".PHONY: up\nup:\n\tpodman-compose up -d\n"

# A tree, and the lines that its fixes add; those that they take out follow from them.
TREES: dict[str, tuple[dict[str, str], list[str]]] = {
    "specifiers": ({
        "Dockerfile": f"{DEBIAN}RUN pip install a>=1.0 'b<2' c<3 && \\\n    pip install d>=4\n"
                      "USER 1\n",
    }, ["RUN pip install \"a>=1.0\" 'b<2' \"c<3\" && \\", "    pip install \"d>=4\""]),
    "windows": ({
        "Dockerfile": f"{DEBIAN}RUN pip install a>=1.0\nUSER 1\n".replace("\n", "\r\n"),
        "Makefile": "all: test\r\n.PHONY: all\r\ntest:\r\n\techo\r\n",
    }, ['RUN pip install "a>=1.0"\r', ".PHONY: test\r"]),
    "no newline at the end": ({
        "Dockerfile": f"{DEBIAN}USER 1\nRUN pip install a>=1.0",
        "Makefile": "all:\n\techo",
    }, ['RUN pip install "a>=1.0"', ".PHONY: all"]),
    "byte order mark": ({
        "Makefile": "\ufeffall:\n\techo\n",
    }, ["\ufeff.PHONY: all", "all:"]),
    "own images": ({
        "Makefile": ".PHONY: base app\nbase:\n\tpodman build -t base:1 -f Dockerfile.base .\n"
                    "app: base\n\tpodman build -t app:1 .\n",
        "Dockerfile.base": "FROM debian:13-slim\nRUN useradd -u 1000 a\n",
        "Dockerfile": "FROM base:1 AS build\nFROM base:1\nUSER 1000\n",
    }, ["FROM localhost/base:1 AS build", "FROM localhost/base:1",
        "FROM docker.io/library/debian:13-slim"]),
    "volumes and images": ({
        "Makefile": PODMAN,
        "compose.yml": "services:\n  a: &a\n    image: redis:8.0  # cache\n    volumes:\n"
                       "      - data:/data,U\n      - './conf:/etc/redis,ro,z'\n  b:\n    <<: *a\n"
                       "    image: 'quay.io/x/y:1'\nvolumes: {data: {}}\n",
        "conf/redis.conf": "\n",
    }, ["    image: docker.io/library/redis:8.0  # cache", "      - './conf:/etc/redis:ro,z'"]),
    "names with blanks": ({
        "my app/Makefile": "## says it\ntest:\n\techo\n",
        "my app/sub dir/Dockerfile": f"{DEBIAN}RUN pip install a>=1\nUSER 1\n",
    }, [".PHONY: test", 'RUN pip install "a>=1"']),
    "swallowed rules and commands": ({
        "Makefile": "PYTHON := python3\n.PHONY: all lint\nall:\n\techo\n\tlint: all\n\t\techo l\n"
                    "version:\n\t@echo $$($$(PYTHON) -V)\n",
    }, ["lint: all", ".PHONY: version", "\t@echo $$($(PYTHON) -V)"]),
}


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


def said(root: Path) -> set[tuple[str, str, str]]:
    """What is found, by rule, file and words without their numbers."""
    return {(one.rule, one.path, one.what) for one in audit(root, OPTIONS).findings}


def dry(root: Path) -> dict[str, str]:
    """What `make -n` says of each target of each Makefile, places left out."""
    out = {}
    # These tests are themselves started by a make, whose flags and depth a make below inherits.
    alone = {name: value for name, value in os.environ.items()
             if name not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES"}}
    for path in sorted(root.rglob("Makefile")):
        lines = path.read_text("utf-8-sig").replace("\r", "").split("\n")
        names = {line.partition(":")[0] for line in lines
                 if line[:1].isalpha() and ":" in line and ":=" not in line}
        for name in sorted(names):
            done = subprocess.run(["make", "-n", "-f", path.name, name], cwd=path.parent, text=True,
                                  capture_output=True, check=False, env=alone)
            out[f"{path.relative_to(root)} {name}"] = done.stdout
    return out


@pytest.mark.parametrize("name", TREES)
def test_a_fix_applies_and_mends_and_breaks_nothing(name, tmp_path):
    files, added = TREES[name]
    before, after = tmp_path / "before", tmp_path / "after"
    write(before, files)
    report = audit(before, OPTIONS)
    diff = preview(before, report.findings)
    assert sorted(line[1:] for line in diff.split("\n")
                  if line.startswith("+") and not line.startswith("+++")) == sorted(added)
    shutil.copytree(before, after)
    subprocess.run(["git", "apply", "-"], cwd=after, input=diff.encode(), check=True)
    fixable = {(one.rule, one.path, one.what) for one in report.findings if one.fix}
    left = said(after)
    assert not fixable & left
    # A rule that was swallowed is one now, and is judged as one.
    new = {one for one in left - said(before) if "'lint'" not in one[2]}
    assert new == set()
    if "swallowed" not in name:
        assert dry(after) == dry(before)
    for path in after.rglob("compose*.yml"):
        assert keys(path) == keys(before / path.relative_to(after))
    # Nothing is left to fix, but for what came to light.
    assert not [one.rule for one in audit(after, OPTIONS).findings
                if one.fix and "'lint'" not in one.what]


def keys(path: Path) -> object:
    """A compose file's shape: its services, their keys and how many parts each has."""
    data = yaml.safe_load(path.read_text())
    return {name: {key: len(part) if isinstance(part, list) else type(part).__name__
                   for key, part in one.items()} for name, one in data["services"].items()}


LINES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\0"), max_size=6),
                 min_size=1, max_size=12)


@settings(max_examples=60, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES, data=st.data(), newline=st.booleans())
def test_git_makes_of_any_text_what_the_fixes_make_of_it(tmp_path, lines, data, newline):
    text = "\n".join(lines) + "\n" * newline
    fixes = set()
    for _ in range(data.draw(st.integers(1, 3))):
        first = data.draw(st.integers(1, len(lines)))
        last = data.draw(st.integers(first - 1, len(lines)))
        fixes.add(Fix(first, last, tuple(data.draw(st.lists(st.sampled_from(["ab", "c", "d"]),
                                                            min_size=1, max_size=2)))))
    path = tmp_path / "file"
    path.write_bytes(text.encode())
    diff = "".join(_diff("file", text, fixes))
    wanted = "\n".join(fixed(text.split("\n"), fixes))
    if diff:
        subprocess.run(["git", "apply", "--whitespace=nowarn", "-"], cwd=tmp_path,
                       input=diff.encode(), check=True, capture_output=True)
    assert path.read_bytes() == wanted.encode()
