"""A Dockerfile as stages of instructions, parsed by BuildKit's own parser."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

from xnai.audit.shell_words import commands
from xnai.diagnostics.finding import Unknown

_ARGUMENT = re.compile(r"\$\{?(\w+)(?::?-([^}]*))?\}?")


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    Attributes:
        name: in capitals, such as COPY.
        flags: its flags, name -> values, without the dashes.
        words: its values; one text for a shell form.
        text: all of it as one text, with what its here-documents hold.
        first: its first line, counted from 1.
        last: its last line.
        is_list: whether it is in JSON form.
    """

    name: str
    flags: dict[str, tuple[str, ...]]
    words: tuple[str, ...]
    text: str
    first: int
    last: int
    is_list: bool

    @property
    def started(self) -> tuple[tuple[str, ...], ...]:
        """The words of each command that RUN, CMD, ENTRYPOINT or HEALTHCHECK starts."""
        words, text = self.words, self.text
        if self.name == "HEALTHCHECK":
            words = words[1:] if words[:1] == ("CMD",) else words
            text = re.sub(r"^(CMD|NONE)\s*", "", text)
        if self.is_list and len(words) > 2 and words[1] in {"-c", "-ec", "-exc", "-lc"}:
            text = words[2]  # a shell that is called by name
        elif self.is_list:
            return (words,) if words else ()
        return tuple(one.words for one in commands(text))

    @property
    def sources(self) -> tuple[str, ...]:
        """What COPY or ADD copies; empty for a here-document."""
        if "<<" in " ".join(self.words):
            return ()
        return tuple(word.strip("\"'") for word in self.words[:-1])

    @property
    def target(self) -> str:
        """Where COPY or ADD copies to."""
        return self.words[-1] if self.words else ""


@dataclass(frozen=True)
class Stage:
    """What stands between one FROM and the next.

    Attributes:
        base: the image or stage that it starts from, its build arguments put in.
        name: given with AS, or its number as text.
        line: of its FROM.
        instructions: the others.
    """

    base: str
    name: str
    line: int
    instructions: tuple[Instruction, ...]

    def all(self, *names: str) -> tuple[Instruction, ...]:
        """Return its instructions of these names."""
        return tuple(one for one in self.instructions if one.name in names)


@dataclass(frozen=True)
class Dockerfile:
    """A Dockerfile.

    Attributes:
        path: relative to the audited tree.
        lines: its physical lines.
        stages: in order; the last one is the image that a plain build makes.
    """

    path: str
    lines: tuple[str, ...]
    stages: tuple[Stage, ...]

    @property
    def directory(self) -> str:
        """The directory that it lies in, relative to the tree; empty for the root."""
        return posixpath.dirname(self.path)

    @property
    def last(self) -> Stage:
        """The stage that a plain build makes."""
        return self.stages[-1]

    def stage(self, name: str) -> Stage | None:
        """Return the stage of that name or number."""
        return next(
            (one for number, one in enumerate(self.stages)
             if name.lower() == one.name.lower() or name == str(number)), None
        )

    def lineage(self, stage: Stage) -> list[Stage]:
        """Return a stage and those of this file that it starts from, the nearest first."""
        found = [stage]
        while True:
            before = self.stages[: self.stages.index(found[-1])]
            base = next((s for s in before if s.name.lower() == found[-1].base.lower()), None)
            if base is None:
                return found
            found.append(base)

    def root_image(self) -> str:
        """Return the image from outside that the last stage stands on."""
        return self.lineage(self.last)[-1].base

    def line_of(self, instruction: Instruction, needle: str) -> int:
        """Return the line of `instruction` that holds `needle`, else its first."""
        for number in range(instruction.first, instruction.last + 1):
            if needle in self.lines[number - 1]:
                return number
        return instruction.first


def parse(path: str, text: str) -> Dockerfile | Unknown:
    """Return the Dockerfile, or why it is none."""
    # Here: it loads a Go runtime, which other commands need not wait for.
    import dockerfile  # type: ignore[import-not-found]

    try:
        commands = dockerfile.parse_string(text)
    except (dockerfile.GoParseError, ValueError) as error:
        return Unknown(path, f"no Dockerfile: {str(error).strip()}", "mend it: nothing builds it")
    stages: list[Stage] = []
    arguments: dict[str, str] = {}
    current: list[Instruction] = []
    for command in commands:
        one = _instruction(command)
        if one.name == "FROM" and one.words:
            current = []
            base = _fill(one.words[0], arguments)
            name = one.words[2] if len(one.words) > 2 else str(len(stages))
            stages.append(Stage(base, name, one.first, ()))
        elif one.name == "ARG" and not stages:
            arguments |= dict(word.split("=", 1) for word in one.words if "=" in word)
        elif stages:
            current.append(one)
            last = stages[-1]
            stages[-1] = Stage(last.base, last.name, last.line, tuple(current))
    if not stages:
        return Unknown(path, "no Dockerfile: it has no FROM", "exclude it: --exclude")
    return Dockerfile(path, tuple(text.split("\n")), tuple(stages))


def _instruction(command: object) -> Instruction:
    flags: dict[str, tuple[str, ...]] = {}
    for flag in getattr(command, "flags", ()):
        name, _, value = flag.removeprefix("--").partition("=")
        flags[name] = (*flags.get(name, ()), value)
    words = tuple(getattr(command, "value", ()))
    inside = "".join(f"\n{one.content}" for one in getattr(command, "heredocs", ()))
    return Instruction(
        str(getattr(command, "cmd", "")).upper(), flags, words, " ".join(words) + inside,
        int(getattr(command, "start_line", 1)), int(getattr(command, "end_line", 1)),
        bool(getattr(command, "json", False)),
    )


def _fill(text: str, arguments: dict[str, str]) -> str:
    """Put build arguments' defaults in; an unknown one stays as it is written."""
    return _ARGUMENT.sub(
        lambda match: arguments.get(match[1], match[2] or match[0]).strip("\"'"), text
    )
