"""hadolint on the tree's Dockerfiles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from xnai.audit.answer_cache import AnswerCache
from xnai.audit.dockerfile import Dockerfile
from xnai.audit.model import RuleFinding
from xnai.audit.names import OF_TESTS
from xnai.audit.own_images import is_own
from xnai.audit.tool_answers import Checker, ask
from xnai.audit.tool_levels import severity
from xnai.audit.tree import Tree
from xnai.diagnostics.finding import Unknown

_CONFIGS = (".hadolint.yaml", ".hadolint.yml")


def _split(said: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for one in said:
        yield one["file"], one


def readable(file: Dockerfile) -> tuple[str, list[int]]:
    """Return a text that hadolint can read, and the line in the file of each of its lines.

    Its parser wants an empty line behind a here-document, which BuildKit does not.
    """
    ends = {
        one.last for stage in file.stages for one in stage.instructions
        if "<<" in "\n".join(file.lines[one.first - 1 : one.last]) and one.last > one.first
    }
    lines: list[str] = []
    numbers: list[int] = []
    for number, line in enumerate(file.lines, 1):
        lines.append(line)
        numbers.append(number)
        if number in ends and number < len(file.lines) and file.lines[number].strip():
            lines.append("")
            numbers.append(number)
    return "\n".join(lines), numbers


def hadolint(tree: Tree, cache: AnswerCache) -> Iterator[RuleFinding | Unknown | str]:
    """Yield its findings, what it could not tell, and notes."""
    config = next((path for path in _CONFIGS if path in tree.files), "")
    # Without one of the tree's own an empty one: the answer must not depend on who asks.
    words = ("--no-color", "--format", "json", "--config",
             str((tree.root / config).resolve()) if config else "/dev/null")
    tool = Checker("hadolint", words, ".Dockerfile", _split, 50_000,
                tree.text(config) if config else "")
    texts = [readable(file) for file in tree.dockerfiles]
    answers, missing = ask(tool, [text for text, _ in texts], cache)
    yield from missing
    for file, (_, numbers), answer in zip(tree.dockerfiles, texts, answers, strict=True):
        if isinstance(answer, Unknown):
            if not missing:
                yield Unknown(file.path, f"hadolint: {answer.why}", answer.remedy)
            continue
        for one in answer:
            line = numbers[min(max(int(one["line"]), 1), len(numbers)) - 1]
            if one["code"] == "DL1000":
                # BuildKit's own parser took the file: the mistake is hadolint's.
                yield f"{file.path}: hadolint cannot read it (line {line}); this project's own " \
                      "rules judged it"
            elif not _beside_the_point(tree, file, one["code"], line):
                level = severity(one["code"], one["level"])
                yield RuleFinding(
                    f"hadolint:{one['code']}",
                    "info" if OF_TESTS.search(file.path) else level, "hadolint",
                    file.path, line, one["message"],
                    f"https://github.com/hadolint/hadolint/wiki/{one['code']}",
                )


def _named_by_a_build(tree: Tree, image: str) -> bool:
    """Whether a program that builds images names this one, by whatever way it hands it over."""
    first, slash, _ = image.partition("/")
    return bool(slash) and "." not in first and any(
        image in text and re.search(r"\b(docker|podman|buildah)\b", text) and "build" in text
        for text in (*tree.programs.values(), *tree.script_texts.values())
    )


def _beside_the_point(tree: Tree, file: Dockerfile, code: str, line: int) -> bool:
    if code == "DL3025":  # a HEALTHCHECK's CMD is run by a shell on purpose
        return any(one.first <= line <= one.last for stage in file.stages
                   for one in stage.all("HEALTHCHECK"))
    stage = next((one for one in file.stages if one.line == line), None)
    if code in {"DL3006", "DL3007"} and stage:
        # An image that is built here has no registry that could move its tag; a tag may stand in
        # the default of an ARG.
        written = file.lines[line - 1]
        return is_own(tree, stage.base) or _named_by_a_build(tree, stage.base) or (
            "$" in written and (code == "DL3006" or not stage.base.endswith(":latest"))
            and bool(re.search(r"[:@$]", stage.base))
        )
    return False
