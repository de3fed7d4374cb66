"""Numbers about Makefiles: size, order, help, repetition, times, and what else could hold them."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from xnai.audit.makefile import Makefile
from xnai.audit.model import Table
from xnai.audit.reading import shown
from xnai.audit.rules.make_should_be_phony import should_be_phony
from xnai.audit.tree import Tree

# A heading: between two rules of a character, or on one line with them.
_RULER = re.compile(r"#+\s*([=#*~_─━═-])\1{4,}\s*#*\s*")
_TITLE = re.compile(r"#+\s*(\S.*?)\s*#*\s*")
_ONE_LINE = re.compile(r"##@\s*(\S.*)|#+\s?(?:[=#*~-]{3,}|[─━═]{2,})\s*(\w.*?)\s*[=#*~─━═-]*\s*")
_LEAST_FAMILY = 3
_BLOCK = 4
_LONG = 10
_MOST_ROWS = 40


def make_tables(tree: Tree, command: str) -> Iterator[Table]:
    """Yield the tables about Makefiles."""
    header = (
        "makefile", "lines", "targets with a recipe", "groups", "phony declared",
        "phony missing", "with help", "without help", "read (ms)", "expand all (ms)",
    )
    rows = tuple(tuple(str(cell) for cell in _numbers(one)) for one in tree.makefiles)
    yield Table("Makefiles", command, header, rows)
    yield Table("Makefiles' groups of targets", command,
                ("makefile", "group", "told by", "targets"),
                tuple(row for one in tree.makefiles for row in _groups(one)))
    yield Table("Targets without help", command, ("makefile", "targets"), tuple(
        (shown(one.path), ", ".join(names)) for one in tree.makefiles
        if (names := sorted(_own(one) - with_help(one))) and with_help(one)
    ))
    yield Table("Recipe lines that stand more than once", command,
                ("makefile", "times", "lines", "shared form"),
                tuple(row for one in tree.makefiles for row in _repeated(one)))
    yield Table("Blocks of recipe lines that stand more than once", command,
                ("makefile", "times", "from lines", "begins with"),
                tuple(row for one in tree.makefiles for row in _blocks(one)))
    yield Table("What else could hold it", command,
                ("makefile", "what", "how much", "such as"),
                tuple(row for one in tree.makefiles for row in _alternatives(one)))
    yield _times(tree, command)


def _own(makefile: Makefile) -> set[str]:
    return {one.name for one in makefile.targets if one.recipe}


def _numbers(makefile: Makefile) -> tuple[str | int, ...]:
    lines = sum(
        len(text.lines) - (text.lines[-1] == "") for text in makefile.texts.values()
    )
    helped = with_help(makefile)
    own = _own(makefile)
    phony = {one.name for one in makefile.data.targets if one.phony}
    groups = sum(len(list(headings(text.lines))) for text in makefile.texts.values())
    read, expand = (f"{seconds * 1000:.0f}" for seconds in makefile.seconds)
    return (
        shown(makefile.path), lines, len(own), groups, len(phony), len(should_be_phony(makefile)),
        len(own & helped), len(own - helped), read, expand,
    )


def headings(lines: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Yield the headings of a makefile's groups with their lines: banners of one line or three."""
    for number, line in enumerate(lines, 1):
        if _RULER.fullmatch(line):
            title = _TITLE.fullmatch(lines[number]) if number < len(lines) else None
            closed = number + 1 < len(lines) and _RULER.fullmatch(lines[number + 1])
            above = _TITLE.fullmatch(lines[number - 2]) if number > 1 else None
            before = number > 2 and _RULER.fullmatch(lines[number - 3])
            if title and closed and not _RULER.fullmatch(lines[number]):
                yield number + 1, title[1]
            elif above and not before and not closed and not _RULER.fullmatch(lines[number - 2]) \
                    and not _commented(above[1]):
                yield number - 1, above[1]  # a title that is underlined
        elif match := _ONE_LINE.fullmatch(line):
            yield number, match[1] or match[2]


def _commented(text: str) -> bool:
    """Whether a comment is a rule or an assignment that was taken out, and no title."""
    return bool(re.search(r":=|\?=|\+=|:\s*$|^\t|\.$", text))


def _groups(makefile: Makefile) -> Iterator[tuple[str, ...]]:
    own = _own(makefile)
    for path, text in makefile.texts.items():
        heads = list(headings(text.lines))
        ends = [*(number for number, _ in heads[1:]), len(text.lines) + 1][: len(heads)]
        for (first, title), last in zip(heads, ends, strict=True):
            names = [name for line in text.logical if line.kind == "rule"
                     and first < line.number < last for name in line.targets if name in own]
            yield shown(path), title, f"heading in line {first}", ", ".join(dict.fromkeys(names))
    families: dict[str, list[str]] = defaultdict(list)
    for name in sorted(own):
        if match := re.match(r"([A-Za-z0-9]+)[-_.:/]", name):
            families[match[1]].append(name)
    for family, names in sorted(families.items()):
        if len(names) >= _LEAST_FAMILY:
            yield shown(makefile.path), f"{family}-…", "names", ", ".join(names)


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


def _recipe_lines(makefile: Makefile) -> list[tuple[int, str]]:
    """The physical lines of the recipes of the Makefile itself, trimmed, with their numbers."""
    found = []
    for line in makefile.texts[makefile.path].logical:
        if line.kind == "recipe":
            for below, part in enumerate(line.text.split("\n")):
                found.append((line.number + below, part.strip().rstrip("\\").strip().lstrip("@-")))
    return found


# What every recipe of several lines has, and nothing could be made of.
_COMMON = re.compile(r"(fi|done|else|then|do|esac|;;|\(|\)|\{|\}|exit \d|true|:)?[;\s]*|#.*")


def _repeated(makefile: Makefile) -> Iterator[tuple[str, ...]]:
    """Lines that repeat another, by their shared form: names and numbers left out."""
    places: dict[str, list[int]] = defaultdict(list)
    for number, text in _recipe_lines(makefile):
        if not _COMMON.fullmatch(text) and len(text) > 15:
            places[text].append(number)
    repeated = sorted(((text, lines) for text, lines in places.items() if len(lines) > 1),
                      key=lambda one: (-len(one[1]), one[1]))
    if repeated:
        extra = sum(len(lines) - 1 for _, lines in repeated)
        yield (shown(makefile.path), str(extra), f"{len(repeated)} different",
               "in all: lines that repeat another")
    for text, lines in repeated[:_MOST_ROWS]:
        yield shown(makefile.path), str(len(lines)), _listed(lines), text[:100]


def _blocks(makefile: Makefile) -> Iterator[tuple[str, ...]]:
    """Runs of _BLOCK or more recipe lines that stand elsewhere too, each as long as it can be."""
    lines = _recipe_lines(makefile)
    starts: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for at in range(len(lines) - _BLOCK + 1):
        some = lines[at : at + _BLOCK]
        together = some[-1][0] - some[0][0] == _BLOCK - 1
        if together and sum(not _COMMON.fullmatch(text) for _, text in some) >= 2:
            starts[tuple(text for _, text in some)].append(some[0][0])
    covered = set[int]()
    for block, places in sorted(starts.items(), key=lambda one: one[1]):
        # What follows a block line by line is the same block, only longer.
        if len(places) > 1 and not set(places) <= {at + 1 for at in covered}:
            yield shown(makefile.path), str(len(places)), _listed(places), block[0][:100]
        if len(places) > 1:
            covered.update(places)


def _listed(lines: list[int]) -> str:
    return ", ".join(map(str, lines[:8])) + (" …" if len(lines) > 8 else "")


def _alternatives(makefile: Makefile) -> Iterator[tuple[str, ...]]:
    """What would become a script, a Python module or a task, counted for this very file."""
    name = shown(makefile.path)
    recipes = [one for one in makefile.targets if one.recipe]
    sizes = {one.name: "\n".join(one.recipe).count("\n") + 1 for one in recipes}
    long = sorted((target for target, size in sizes.items() if size > _LONG),
                  key=lambda target: -sizes[target])
    if long:
        yield (name, "a script of its own in scripts/, with tests and shellcheck",
               f"{len(long)} recipes, {sum(sizes[target] for target in long)} lines",
               ", ".join(f"{target} ({sizes[target]})" for target in long[:5]))
    python = [one.name for one in recipes if re.search(r"python[\d.]*\s+-c", "\n".join(one.recipe))]
    if python:
        yield (name, "a Python module, run by python -m", f"{len(python)} recipes",
               ", ".join(python[:5]))
    tasks = [one.name for one in recipes if one.phony and sizes[one.name] <= _LONG]
    if len(tasks) * 2 > len(recipes) and len(recipes) >= 10:
        needs = Counter(bool(one.needs) for one in recipes)
        yield (name, "a task of just or Taskfile: less quoting, arguments, a list for nothing",
               f"{len(tasks)} of {len(recipes)} recipes; {needs[True]} have prerequisites",
               ", ".join(tasks[:5]))


def _times(tree: Tree, command: str) -> Table:
    rows = tuple(
        (shown(makefile.path), target, f"{seconds * 1000:.0f}")
        for makefile in tree.makefiles
        for target, seconds in sorted(makefile.times.items(), key=lambda one: -one[1])
    )
    total = sum(seconds for makefile in tree.makefiles for seconds in makefile.times.values())
    return Table(f"Time of each target, read and expanded ({total * 1000:.0f} ms in all)", command,
                 ("makefile", "target", "ms"), rows)
