"""What GNU make says about a Makefile: its database, its expanded recipes, its warnings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """A target as make knows it.

    Attributes:
        name: its name, or a pattern with %.
        needs: its prerequisites, expanded.
        phony: whether .PHONY names it.
        recipe: the recipe's lines as written, without their tab; continuation lines joined by \\n.
        path: the file that the recipe stands in, as make names it.
        line: of the recipe's first line; 0 without a recipe.
    """

    name: str
    needs: tuple[str, ...]
    phony: bool
    recipe: tuple[str, ...]
    path: str
    line: int


@dataclass(frozen=True)
class Variable:
    """A variable: its name, its value as written, and where it was set."""

    name: str
    value: str
    path: str
    line: int


@dataclass(frozen=True)
class Recipe:
    """The commands of a target with everything expanded, each with its line in the file."""

    target: str
    path: str
    commands: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Message:
    """A warning or an error of make, with its place; line 0 where it names none."""

    path: str
    line: int
    text: str


@dataclass(frozen=True)
class MakeDatabase:
    """What `make -p` prints, in parts."""

    targets: tuple[Target, ...]
    variables: tuple[Variable, ...]

    def value(self, name: str) -> str:
        """Return a variable's value as written; empty for an unknown one."""
        return next((one.value for one in self.variables if one.name == name), "")


_FROM = re.compile(r"# makefile \(from '(.*)', line (\d+)\)")
_RECIPE = re.compile(r"#  recipe to execute \(from '(.*)', line (\d+)\):")
_SET = re.compile(r"(?:define )?(\S+) (?::::=|::?=|\?=|\+=|=)? ?(.*)", re.S)


def database(text: str) -> MakeDatabase:
    """Return the parts of what `make -p` printed."""
    head, _, files = text.partition("\n# Files\n")
    implicit = head.partition("\n# Implicit Rules\n")[2]
    return MakeDatabase(
        tuple(_targets(implicit)) + tuple(_targets(files.partition("\n# VPATH")[0])),
        tuple(_variables(head)),
    )


def _variables(text: str) -> Iterator[Variable]:
    place = None
    for line in text.split("\n"):
        found = _FROM.fullmatch(line)
        if found:
            place = (found[1], int(found[2]))
        elif place and (match := _SET.fullmatch(line)):
            yield Variable(match[1], match[2], *place)
            place = None


_OWN = re.compile(r"[^\s#][^=]*?: \S+ :{0,3}[?+!]?= ")
_ORIGIN = re.compile(
    r"# ('override' directive|automatic|default|environment|command line|makefile)\b"
)


def _targets(text: str) -> Iterator[Target]:
    for block in text.split("\n\n"):
        lines = block.strip("\n").split("\n")
        # A variable of the target's own stands above its rule, with where it comes from.
        while len(lines) > 1 and (_OWN.match(lines[0]) or _ORIGIN.match(lines[0])):
            lines = lines[1:]
        # "# Not a target:" stands above files that are only prerequisites.
        head = lines[0]
        if not head or head[0] in "#\t":
            continue
        names, colon, needs = _split_rule(head)
        if not colon:
            continue
        recipe, path, at = _recipe_of(lines[1:])
        phony = any(line.startswith("#  Phony target") for line in lines)
        yield Target(names, tuple(needs.partition("|")[0].split()), phony, recipe, path, at)


def _split_rule(head: str) -> tuple[str, str, str]:
    match = re.match(r"(.+?)(::?)(?=\s|$)(.*)", head)
    return (match[1], match[2], match[3]) if match else (head, "", "")


def _recipe_of(lines: list[str]) -> tuple[tuple[str, ...], str, int]:
    for number, line in enumerate(lines):
        found = _RECIPE.fullmatch(line)
        if found:
            body = [one.removeprefix("\t") for one in lines[number + 1 :]]
            return tuple(join_continued(body)), found[1], int(found[2])
    return (), "", 0


def join_continued(lines: list[str]) -> Iterator[str]:
    """Yield lines, those that end in a backslash together with the next."""
    kept: list[str] = []
    for line in lines:
        kept.append(line)
        if (len(line) - len(line.rstrip("\\"))) % 2 == 0:
            yield "\n".join(kept)
            kept = []
    if kept:
        yield "\n".join(kept)


_TRACE = re.compile(
    r"(?P<path>.*?):(?P<line>\d+): "
    r"(?:update target '(?P<a>.*?)' due to: .*|target '(?P<b>.*?)' does not exist)"
)
_NOISE = re.compile(r"make(\[\d+\])?: ")


def recipes(text: str, known: dict[str, Target]) -> Iterator[Recipe]:
    """Yield the recipes that `make -n --trace` printed.

    Args:
        text: its standard output.
        known: the targets by name, for the lines of the single commands.
    """
    target = path = ""
    first = 0
    body: list[str] = []
    for line in [*text.split("\n"), ":0: target '' does not exist"]:
        found = _TRACE.fullmatch(line)
        if not found:
            if not _NOISE.match(line):
                body.append(line)
            continue
        if target:
            # What a define or a continuation prints has no line of its own.
            # .ONESHELL hands a recipe to one shell: its lines are no commands of their own.
            parts = ["\n".join(body)] if ".ONESHELL" in known else join_continued(body)
            commands = [one for one in parts if one.strip()]
            lines = mapped(known.get(target), commands)
            places = [at for at, _ in lines] if lines else [first] * len(commands)
            yield Recipe(target, path, tuple(zip(places, commands, strict=True)))
        target, path, first, body = found["a"] or found["b"] or "", found["path"], int(
            found["line"]
        ), []


# Calls that expand to nothing, as they stand alone on a recipe's line.
_SAYS_NOTHING = re.compile(r"[@+-]*\s*(\$[({](info|warning|eval)\s[^\n]*[)}])?\s*")


def written(target: Target | None) -> list[tuple[int, str]]:
    """Return a recipe's lines as written, each with its number; those that run nothing left out."""
    found, at = [], target.line if target else 0
    for raw in target.recipe if target else ():
        if not _SAYS_NOTHING.fullmatch(raw):
            found.append((at, raw))
        at += raw.count("\n") + 1
    return found


def mapped(target: Target | None, commands: Sequence[str]) -> list[tuple[int, str]] | None:
    """Return the written line of each expanded command, or None where that cannot be told."""
    lines = written(target)
    if len(lines) == len(commands):
        return lines
    # A variable may hold several commands or none; lines without one stay as they are.
    found: list[tuple[int, str]] = []
    at = 0
    for command in commands:
        for ahead in range(at, len(lines)):
            if _may_be(lines[ahead][1], command):
                at = ahead
                break
        else:
            return None
        found.append(lines[at])
        at += "$" not in lines[at][1].replace("$$", "")
    return found


def _may_be(raw: str, command: str) -> bool:
    """Whether a command may be what a written line expands to, or one of the lines of that."""
    text = raw.lstrip("@+- \t")
    parts = re.split(r"\$[({][^\n]*[)}]|\$.", text.replace("$$", "\0"))
    pattern = ".*".join(re.escape(part.replace("\0", "$")) for part in parts)
    return bool(re.fullmatch(pattern, command.strip(), re.S)) or (
        len(parts) > 1 and not "".join(parts).strip()
    )


_MESSAGE = re.compile(r"(?:(?P<path>[^:\n]+):(?P<line>\d+): )(?P<text>.*)")


def messages(text: str) -> Iterator[Message]:
    """Yield the messages of make's standard error."""
    for line in text.split("\n"):
        found = _MESSAGE.fullmatch(line)
        if found:
            yield Message(found["path"], int(found["line"]), found["text"])
        elif line.startswith("make: ***"):
            yield Message("", 0, line.removeprefix("make: "))
