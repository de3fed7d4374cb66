"""Other people's checkers on the audited files: their findings keep their own ids."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from xnai.audit import names
from xnai.audit.compose import ComposeFile
from xnai.audit.makefile import references
from xnai.audit.model import RuleFinding
from xnai.audit.recipe_texts import recipe_texts
from xnai.audit.shell_syntax import PLAIN
from xnai.audit.tool_levels import OF_EXPANSION, severity
from xnai.audit.tree import Tree
from xnai.diagnostics.finding import Unknown

SECONDS = 60
INSTALL = "make setup, or pip install 'xnai[audit]'"

Said = Iterable[RuleFinding | Unknown]

# Where one of our rules and a tool's say the same of a line, the tool's stays.
SAME: Mapping[str, frozenset[str]] = {
    "compose_duplicate_key": frozenset({"schema"}),
    "compose_undefined_reference": frozenset({"schema"}),
    "docker_unquoted_specifier": frozenset({"hadolint:SC1037"}),
}


def find(name: str) -> str | None:
    """Return the path of a program: beside this Python first, then on PATH."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.is_file() else shutil.which(name)


def ask(tree: Tree) -> tuple[list[RuleFinding], list[Unknown]]:
    """Return what all tools find, and what they could not tell; they run side by side."""
    questions: list[Callable[[Tree], Said]] = [_shellcheck, _schema, _compose_lint, _hadolint]
    with ThreadPoolExecutor(len(questions)) as pool:
        said = [one for part in pool.map(lambda ask: list(ask(tree)), questions) for one in part]
    return (
        [one for one in said if isinstance(one, RuleFinding)],
        [one for one in said if isinstance(one, Unknown)],
    )


def merged(ours: list[RuleFinding], theirs: list[RuleFinding]) -> list[RuleFinding]:
    """Return both without repetitions."""
    by_line = {(one.path, one.line): set[str]() for one in theirs}
    for one in theirs:
        by_line[one.path, one.line].add(one.rule)
    kept = [
        one for one in ours
        if not SAME.get(one.rule, frozenset()) & by_line.get((one.path, one.line), set())
    ]
    seen = {(one.rule, one.path, one.line, one.what): one for one in [*kept, *theirs]}
    return list(seen.values())


def _json(tool: str, words: list[str], paths: list[str], cwd: Path) -> Any | Unknown:
    """Run a tool on files and return the JSON that it prints."""
    program = find(tool)
    if program is None:
        return Unknown(tool, f"{tool} is not installed", INSTALL)
    try:
        done = subprocess.run(
            [program, *words, *(f"./{path}" for path in paths)], cwd=cwd, timeout=SECONDS,
            stdin=subprocess.DEVNULL, capture_output=True, check=False,
        )
        return json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return Unknown(tool, f"no answer within {SECONDS} s", "leave files out: --exclude")
    except (ValueError, OSError) as error:
        said = done.stderr.decode("utf-8", "replace").strip()[-300:] if "done" in vars() else error
        return Unknown(tool, f"no usable answer: {said}", f"run it by hand: {tool} --help")


def _hadolint(tree: Tree) -> Iterator[RuleFinding | Unknown]:
    paths = [one.path for one in tree.dockerfiles]
    found = _json("hadolint", ["--no-color", "--format", "json"], paths, tree.root) if paths else []
    if isinstance(found, Unknown):
        yield found
        return
    checks: dict[int, set[str]] = {}
    for file in tree.dockerfiles:
        for stage in file.stages:
            for one in stage.all("HEALTHCHECK"):
                checks.setdefault(one.first, set()).update({file.path, f"./{file.path}"})
    for one in found:
        if one["code"] == "DL1000":
            # BuildKit's own parser took the file: then the mistake is hadolint's.
            yield Unknown(
                one["file"].removeprefix("./"), f"hadolint cannot read it (line {one['line']})",
                "nothing: this project's own rules judged it",
            )
            continue
        if one["code"] == "DL3025" and one["file"] in checks.get(one["line"], ()):
            continue  # a HEALTHCHECK's CMD is run by a shell on purpose
        yield RuleFinding(
            f"hadolint:{one['code']}", severity(one["code"], one["level"]), "hadolint",
            one["file"].removeprefix("./"), int(one["line"]), one["message"],
            f"https://github.com/hadolint/hadolint/wiki/{one['code']}",
        )


def _shellcheck(tree: Tree) -> Iterator[RuleFinding | Unknown]:
    """The expanded recipes, and the tree's own shell scripts."""
    texts = [
        (one.path, one.line, one.bash, one.text, bool(references(one.raw)))
        for one in recipe_texts(tree)
        if not PLAIN.fullmatch(one.text)
    ]
    foreign = names.foreign(tree.files)
    scripts = sorted(
        path for path in tree.files if path.endswith(".sh") and not path.startswith(foreign)
    )
    # A script without a shebang is one that others source; its shell is not told anywhere.
    for path in scripts:
        text = tree.text(path)
        told = text.startswith("#!") or "shellcheck shell" in text
        texts.append((path, 0 if told else 1, True, text, False))
    if not texts:
        return
    with tempfile.TemporaryDirectory(prefix="xnai-audit-") as folder:
        for number, (_, line, bash, text, _) in enumerate(texts):
            head = "" if not line else f"# shellcheck shell={'bash' if bash else 'sh'}\n"
            (Path(folder) / str(number)).write_text(head + text, "utf-8", "replace")
        # SC1090, SC1091: sources cannot be followed here. SC2154: the environment may set it.
        words = ["--norc", "--format=json1", "--exclude=SC1090,SC1091,SC2154"]
        found = _json("shellcheck", words, [str(at) for at in range(len(texts))], Path(folder))
    if isinstance(found, Unknown):
        yield found
        return
    for one in found["comments"]:
        path, line, _, _, filled = texts[int(one["file"].removeprefix("./"))]
        code = f"SC{one['code']}"
        if filled and code in OF_EXPANSION:
            continue
        # A recipe's text begins below the head line.
        at = line + int(one["line"]) - 2 if line else int(one["line"])
        yield RuleFinding(
            f"shellcheck:{code}", severity(code, one["level"]), "shellcheck", path,
            max(at, line, 1), one["message"], f"https://www.shellcheck.net/wiki/{code}",
        )


def _schema(tree: Tree) -> Iterator[RuleFinding | Unknown]:
    if not tree.composes:
        return
    words = ["--builtin-schema", "vendor.compose-spec", "--output-format", "json", "--"]
    with tempfile.TemporaryDirectory(prefix="xnai-audit-") as folder:
        for number, file in enumerate(tree.composes):
            # Compose's own tags are no YAML that the schema's reader knows, and what stands after
            # interpolation is judged, as compose itself does.
            text = re.sub(r"!(reset|override)\b", "", "\n".join(file.lines))
            # A scalar that is nothing but a variable stays the text that it is.
            text = re.sub(
                r"(?m)([:-][ ]+)\$\{\w+:?-([^${}'\"\n]*)\}(?=[ ]*(#.*)?$)", r'\1"\2"', text
            )
            text = re.sub(r"\$\{\w+:?-([^${}]*)\}", r"\1", text)
            (Path(folder) / f"{number}.yml").write_text(text, "utf-8")
        names = [f"{number}.yml" for number in range(len(tree.composes))]
        found = _json("check-jsonschema", words, names, Path(folder))
    if isinstance(found, Unknown):
        yield found
        return
    files = {f"./{number}.yml": file for number, file in enumerate(tree.composes)}
    for one in found.get("errors", ()):
        file = files[one["filename"]]
        if "${" in one["message"]:
            continue  # its value comes with the environment
        if one["message"].startswith("None is not") and "!reset" in "\n".join(file.lines):
            continue  # taken back from the file below
        deepest = (one.get("best_deep_match") or one) if one.get("has_sub_errors") else one
        yield RuleFinding(
            "schema", "error", "Compose specification", file.path,
            _line(file, deepest["path"]), deepest["message"],
            "https://github.com/compose-spec/compose-spec/blob/main/spec.md",
        )
    for one in found.get("parse_errors", ()):
        path = files[one["filename"]].path
        yield Unknown(path, f"the schema's reader: {one['message'][:200]}", "mend the YAML")


def _line(file: ComposeFile, path: str) -> int:
    """Return the line of a JSON path such as $.services.web.ports[0]."""
    keys: tuple[str | int, ...] = ()
    rest = path.removeprefix("$").lstrip(".")
    while rest:
        fitting = [
            key for key in file.places if len(key) == len(keys) + 1 and key[:-1] == keys
            and rest.startswith(f"[{key[-1]}]" if isinstance(key[-1], int) else str(key[-1]))
        ]
        if not fitting:
            break
        keys = max(fitting, key=lambda key: len(str(key[-1])))
        last = keys[-1]
        rest = rest[len(f"[{last}]" if isinstance(last, int) else str(last)) :].lstrip(".")
    return file.places.get(keys, 1)


def _compose_lint(tree: Tree) -> Iterator[RuleFinding | Unknown]:
    paths = [one.path for one in tree.composes]
    found = _json("compose-lint", ["--format", "json"], paths, tree.root) if paths else {}
    if isinstance(found, Unknown):
        yield found
        return
    built = {service.text("image") for file in tree.composes for service in file.services
             if service.build is not None} - {""}
    for one in found.get("findings", ()):
        # An image that is built here has no registry that could overwrite its tag.
        local = one["rule_id"] in {"CL-0004", "CL-0019"} and (
            "Image 'localhost/" in one["message"]
            or any(f"Image '{image}'" in one["message"] for image in built)
        )
        if not one.get("suppressed") and not local:
            yield RuleFinding(
                f"compose-lint:{one['rule_id']}", severity(one["rule_id"], one["severity"]),
                "compose-lint",
                one["file"].removeprefix("./"), int(one["line"] or 1),
                f"{one['service']}: {one['message']}", one["fix"].split("\nFull guide")[0],
            )
