"""A Makefile and everything that is known of it: its text, and make's own answer."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from xnai.audit.make_data import (
    MakeDatabase,
    Message,
    Recipe,
    Target,
    database,
    mapped,
    messages,
    recipes,
    written,
)
from xnai.audit.make_text import MakeText
from xnai.audit.sandbox import NO_SHELL, TREE, Ran, Sandbox
from xnai.diagnostics.finding import Unknown

MAX_TARGETS = 2_000
_DEFINE = re.compile(r"(?ms)^\s*define\s+([^\s=]+)[^\n]*\n(.*?)^\s*endef")


@dataclass(frozen=True)
class RecipeText:
    """One command of a recipe.

    Attributes:
        path: the file that it stands in, relative to the audited tree.
        line: its first line there.
        bash: whether SHELL names bash.
        text: the command, expanded.
        raw: as it is written, if that can be told.
        target: whose recipe it is.
    """

    path: str
    line: int
    bash: bool
    text: str
    raw: str
    target: str


@dataclass(frozen=True)
class Makefile:
    """One Makefile with what it includes.

    Attributes:
        path: relative to the audited tree.
        texts: path -> text of each makefile that make read, this one first.
        data: what make knows.
        recipes: expanded, each target's once.
        messages: warnings and errors, each place once.
        seconds: what reading it and what expanding every target took.
        own: the names of its targets with a recipe.
        times: target -> seconds to read and expand it alone; empty unless asked for.
    """

    path: str
    texts: Mapping[str, MakeText]
    data: MakeDatabase
    recipes: tuple[Recipe, ...]
    messages: tuple[Message, ...]
    seconds: tuple[float, float]
    own: tuple[str, ...]
    times: Mapping[str, float] = field(default_factory=dict)

    @property
    def directory(self) -> str:
        """The directory that its recipes run in, relative to the tree; empty for the root."""
        return posixpath.dirname(self.path)

    @cached_property
    def everything(self) -> str:
        """All that make read, as one text."""
        return "\n".join("\n".join(text.lines) for text in self.texts.values())

    @cached_property
    def targets(self) -> tuple[Target, ...]:
        """The targets that these files define, make's special ones and plain files left out."""
        return tuple(
            one for one in self.data.targets
            if not one.name.startswith(".") and one.name not in self.texts
            and not one.name.startswith("%") and "%" not in one.name
        )

    @cached_property
    def commands(self) -> tuple[RecipeText, ...]:
        """Each command of the expanded recipes."""
        return tuple(self._commands())

    def _commands(self) -> Iterator[RecipeText]:
        known = {one.name: one for one in self.targets}
        bash = any(
            "bash" in line.value for text in self.texts.values()
            for line in text.logical if line.kind == "assignment" and line.name == "SHELL"
        )
        for recipe in self.recipes:
            target = known.get(recipe.target)
            raws = [raw for _, raw in written(target)]
            lines = mapped(target, [text for _, text in recipe.commands])
            path = self.where(recipe.path)
            # Where commands map onto no single line, what holds of the recipe holds of each.
            everything = "\n".join(raws)
            for at, (number, text) in enumerate(recipe.commands):
                raw = lines[at][1] if lines else everything
                yield RecipeText(path, number, bash, text, raw, recipe.target)

    def where(self, name: str) -> str:
        """Return a path of make's as one relative to the audited tree."""
        return in_tree(self.directory, name)

    def place(self, target: str) -> tuple[str, int]:
        """Return the file and the line of the rule that names `target`."""
        for path, text in self.texts.items():
            line = text.rule_line(target)
            if line:
                return path, line
        known = next((one for one in self.targets if one.name == target and one.line), None)
        return (self.where(known.path), known.line) if known else (self.path, 1)

    @cached_property
    def shell_fed(self) -> frozenset[str]:
        """The variables whose value comes from a command, directly or through others."""
        values = {one.name: one.value for one in self.data.variables}
        for text in self.texts.values():
            for line in text.logical:
                if line.kind == "assignment":
                    mark = "$(shell" if line.how == "!=" else ""
                    values[line.name] = f"{values.get(line.name, '')} {line.value} {mark}"
            for name, body in _DEFINE.findall("\n".join(text.lines)):
                values[name] = f"{values.get(name, '')} {body}"
        found = {name for name, value in values.items() if "$(shell" in value}
        while True:
            more = {
                name for name, value in values.items()
                if name not in found and found & set(references(value))
            }
            if not more:
                return frozenset(found)
            found |= more


def references(text: str) -> list[str]:
    """Return the names of the variables that a text refers to, each as often as it does."""
    plain = text.replace("$$", "")
    return re.findall(r"\$[({](?:call\s+)?([^\s(){}$:,]+)[^(){}$]?", plain)


def in_tree(directory: str, name: str) -> str:
    """Return a path that make named, relative to the tree."""
    if name.startswith(f"{TREE}/"):
        return posixpath.normpath(name.removeprefix(f"{TREE}/"))
    return posixpath.normpath(posixpath.join(directory, name))


def judge(
    box: Sandbox, path: str, texts: Mapping[str, str], times: bool = False
) -> Makefile | Unknown:
    """Return what make knows of one Makefile.

    Args:
        box: the sandbox, which has the texts.
        path: of the Makefile, relative to the tree.
        texts: path -> text of every makefile of the tree.
        times: whether each target is timed alone.

    Returns:
        The Makefile, or why make did not tell.
    """
    directory, name = posixpath.split(path)
    # MAKECMDGOALS: every target is asked for at once, and no user does that. A Makefile that makes
    # rules of the goals is read as a plain `make` reads it. Built-in variables such as RM stay.
    common = ["--no-print-directory", f"SHELL={NO_SHELL}", "MAKECMDGOALS=", "-r", "-f", name]
    first = box.make(directory, ["-pnq", "--warn-undefined-variables", *common])
    if isinstance(first, Unknown):
        return Unknown(path, first.why, first.remedy)
    data = database(first.out)
    wanted = [
        one.name for one in data.targets
        if "%" not in one.name and not one.name.startswith((".", "-")) and one.recipe
        and "=" not in one.name
    ][:MAX_TARGETS]
    words = ["-nBki", "--trace", "--warn-undefined-variables", *common, *wanted]
    second = box.make(directory, words) if wanted else Ran("", "", 0, 0.0)
    if isinstance(second, Unknown):
        return Unknown(path, second.why, second.remedy)
    read = [in_tree(directory, word) for word in data.value("MAKEFILE_LIST").split()]
    seen = [path, *(one for one in read if one != path and one in texts)]
    known = {one.name: one for one in data.targets}
    alone = {name: box.make(directory, ["-nBki", *common, name]) for name in wanted if times}
    said = {
        Message(in_tree(directory, one.path) if one.path else path, one.line, one.text)
        for one in messages(f"{first.err}\n{second.err}")
    }
    return Makefile(
        path, {one: MakeText.of(one, texts[one]) for one in seen}, data,
        tuple(recipes(second.out, known)),
        tuple(sorted(said, key=lambda one: (one.path, one.line, one.text))),
        (first.seconds, second.seconds), tuple(wanted),
        {name: ran.seconds for name, ran in alone.items() if isinstance(ran, Ran)},
    )
