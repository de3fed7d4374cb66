"""Numbers and tables beside the findings, each with the command that gives it again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from xnai.audit.dockerfile import Dockerfile
from xnai.audit.makefile import Makefile
from xnai.audit.model import Table
from xnai.audit.reading import shown
from xnai.audit.tree import Tree


def tables(tree: Tree, command: str) -> tuple[Table, ...]:
    """Return the tables of a tree; those without a row are left out."""
    found = [
        _makefiles(tree, command), _times(tree, command),
        *_practices(tree, command), _health_checks(tree, command),
    ]
    return tuple(one for one in found if one.rows)


def _makefiles(tree: Tree, command: str) -> Table:
    header = (
        "makefile", "lines", "targets with a recipe", "groups", "phony declared",
        "phony missing", "with help", "without help", "read (ms)", "expand all (ms)",
    )
    rows = tuple(tuple(str(cell) for cell in _numbers(one)) for one in tree.makefiles)
    return Table("Makefiles", command, header, rows)


def _numbers(makefile: Makefile) -> tuple[str | int, ...]:
    # Here, not above: the rule is one of many and the table only counts its hits.
    from xnai.audit.rules.make_should_be_phony import should_be_phony

    lines = sum(
        len(text.lines) - (text.lines[-1] == "") for text in makefile.texts.values()
    )
    helped = with_help(makefile)
    own = {one.name for one in makefile.targets if one.recipe}
    phony = {one.name for one in makefile.data.targets if one.phony}
    groups = sum(
        bool(re.match(r"##@|# ?[=#*-]{3,}.*\w", line))
        for text in makefile.texts.values() for line in text.lines
    )
    read, expand = (f"{seconds * 1000:.0f}" for seconds in makefile.seconds)
    return (
        shown(makefile.path), lines, len(own), groups, len(phony), len(should_be_phony(makefile)),
        len(own & helped), len(own - helped), read, expand,
    )


def with_help(makefile: Makefile) -> set[str]:
    """Return the targets with a help text: `## …` behind the rule or right above it."""
    found: set[str] = set()
    for text in makefile.texts.values():
        for line in text.logical:
            if line.kind == "rule":
                above = text.lines[line.number - 2] if line.number > 1 else ""
                if "##" in line.text or above.startswith("##"):
                    found.update(line.targets)
    return found


def _times(tree: Tree, command: str) -> Table:
    rows = tuple(
        (shown(makefile.path), target, f"{seconds * 1000:.0f}")
        for makefile in tree.makefiles
        for target, seconds in sorted(makefile.times.items(), key=lambda one: -one[1])
    )
    return Table("Time of each target, read and expanded", command,
                 ("makefile", "target", "ms"), rows)


def _health_checks(tree: Tree, command: str) -> Table:
    """What each health check's programs were compared with."""
    from xnai.audit.rules.compose_healthcheck_binary import contents

    store = tree.options.images.where
    engine = "the table of known images" + ("" if store else " (no Podman or Docker here)")
    rows = tuple(
        (shown(file.path), service.name, service.text("image") or "built here",
         f"the image, in {store}" if contents(tree, service) else engine)
        for file in tree.composes for service in file.services if service.check
    )
    return Table("Health checks' programs", command,
                 ("file", "service", "image", "compared with"), rows)


def _runs(file: Dockerfile) -> str:
    return "\n".join(run.text for stage in file.stages for run in stage.all("RUN"))


_PRACTICES: dict[str, Callable[[Dockerfile], bool | None]] = {
    "base by tag or digest": lambda file: all(
        ":" in stage.base.rpartition("/")[2] or "@" in stage.base or stage.base == "scratch"
        or file.stage(stage.base) is not None for stage in file.stages
    ),
    "fully qualified base": lambda file: (
        "." in file.root_image().partition("/")[0]
        or file.root_image().startswith(("localhost/", "scratch"))
    ),
    "several stages": lambda file: len(file.stages) > 1,
    "cache mounts": lambda file: (
        any("type=cache" in value for stage in file.stages for run in stage.all("RUN")
            for value in run.flags.get("mount", ()))
        if re.search(r"\b(pip|apt-get|npm|yarn|apk|cargo|go)\b", _runs(file)) else None
    ),
    "locked with hashes": lambda file: (
        "--require-hashes" in _runs(file) or "--frozen" in _runs(file)
        or "--locked" in _runs(file) if "pip install" in _runs(file) or "uv sync" in _runs(file)
        else None
    ),
    "user other than root": lambda file: any(
        stage.all("USER") and stage.all("USER")[-1].text.partition(":")[0] not in {"root", "0"}
        for stage in file.lineage(file.last)
    ),
    "no package lists left": lambda file: (
        "/var/lib/apt/lists" in _runs(file) or "type=cache" in str(file.stages)
        if "apt-get install" in _runs(file) else None
    ),
    "labels": lambda file: bool(file.last.all("LABEL")),
    "health check": lambda file: bool(file.last.all("HEALTHCHECK")),
    "volume": lambda file: bool(file.last.all("VOLUME")),
}
_WORDS = {True: "yes", False: "no", None: "—"}


def _practices(tree: Tree, command: str) -> Iterator[Table]:
    """The matrix of files and practices; a file that others stand on comes first, as reference."""
    files = sorted(tree.dockerfiles, key=lambda one: (not one.path.endswith(".base"), one.path))
    if files:
        rows = tuple(
            (name, *(_WORDS[holds(one)] for one in files)) for name, holds in _PRACTICES.items()
        )
        header = ("practice", *(shown(one.path) for one in files))
        yield Table("Dockerfiles by practice, the base first", command, header, rows)
