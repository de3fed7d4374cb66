"""The Compose specification's schema and compose-lint on the tree's compose files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from xnai.audit.answer_cache import AnswerCache, key_of
from xnai.audit.compose import ComposeFile
from xnai.audit.model import RuleFinding, RuleSeverity
from xnai.audit.own_images import is_own
from xnai.audit.passwords import DEFAULT, looks_real
from xnai.audit.tool_answers import Checker, ask, asked, identity
from xnai.audit.tool_levels import severity
from xnai.audit.tree import Tree
from xnai.diagnostics.finding import Unknown

_SOURCE = "https://github.com/compose-spec/compose-spec/blob/main/spec.md"


def _split(said: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for one in said.get("errors", ()):
        yield one["filename"], one
    for one in said.get("parse_errors", ()):
        yield one["filename"], {"parse": one["message"]}


_SCHEMA = Checker(
    "check-jsonschema",
    ("--builtin-schema", "vendor.compose-spec", "--output-format", "json", "--"), ".yml", _split,
    400_000,
)


def interpolated(file: ComposeFile) -> str:
    """Return the text that the schema is to judge: defaults put in, Compose's own tags resolved.

    What !reset takes back is not there, and what stands behind !override is plain YAML.
    """
    text = file.without_resets().replace("!override", "")
    # A scalar that is nothing but a variable stays the text that it is.
    text = re.sub(
        r"(?m)([:-][ ]+)\$\{\w+:?-([^${}'\"\n]*)\}(?=[ ]*(#.*)?$)", r'\1"\2"', text
    )
    return re.sub(r"\$\{\w+:?-([^${}]*)\}", r"\1", text)


def schema(tree: Tree, cache: AnswerCache) -> Iterator[RuleFinding | Unknown | str]:
    """Yield what the specification's schema says."""
    answers, missing = ask(_SCHEMA, [interpolated(file) for file in tree.composes], cache)
    yield from missing
    for file, answer in zip(tree.composes, answers, strict=True):
        if isinstance(answer, Unknown):
            if not missing:
                yield Unknown(file.path, f"the schema's reader: {answer.why}", answer.remedy)
            continue
        for one in answer:
            if "parse" in one:
                yield Unknown(
                    file.path, f"the schema's reader: {one['parse'][:200]}", "mend the YAML"
                )
            elif "${" not in one["message"] and not _taken_back(file, one["message"]):
                deepest = (one.get("best_deep_match") or one) if one.get("has_sub_errors") else one
                yield RuleFinding(
                    "schema", "error", "Compose specification", file.path,
                    _line(file, deepest["path"]), deepest["message"], _SOURCE,
                )


def _taken_back(file: ComposeFile, message: str) -> bool:
    """Whether nothing is left of a mapping of which all was taken back."""
    return bool(file.resets) and message.startswith("None is not")


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


def compose_lint(tree: Tree, cache: AnswerCache) -> Iterator[RuleFinding | Unknown | str]:
    """Yield what compose-lint says."""
    if not tree.composes:
        return
    paths = [one.path for one in tree.composes]
    # It reads what lies beside: .env, env_file, what is extended, its configuration.
    beside = sorted(
        path for path in tree.files
        if re.search(r"(^|/)(\.env[^/]*|[^/]*\.env|\.compose-lint\.ya?ml)$", path)
    )
    key = key_of(
        "compose-lint", identity("compose-lint"),
        *(part for path in (*paths, *beside) for part in (path, tree.text(path))),
    )
    found = cache.get([key]).get(key)
    if found is None:
        found = asked("compose-lint", ["--format", "json", *(f"./{one}" for one in paths)],
                      tree.root, 60 + len(paths) / 10)
        if isinstance(found, Unknown):
            yield found
            return
        cache.put({key: found})
    seen = set()
    for one in found.get("findings", ()):
        # A line of an env_file that five services read is one credential.
        credential = one["rule_id"] in {"CL-0020", "CL-0021"}
        place = (one["rule_id"], one["file"], one["line"])
        if credential and place in seen:
            continue
        seen.add(place)
        if not one.get("suppressed") and not _of_own_image(tree, one):
            yield RuleFinding(
                f"compose-lint:{one['rule_id']}", _severity(tree, one), "compose-lint",
                one["file"].removeprefix("./"), int(one["line"] or 1),
                f"{one['service']}: {one['message']}", one["fix"].split("\nFull guide")[0],
            )


def _of_own_image(tree: Tree, one: dict[str, Any]) -> bool:
    """Whether it speaks of a tag that no registry can overwrite, or that a variable holds."""
    image = re.search(r"Image '([^']*)'", one["message"])
    if one["rule_id"] not in {"CL-0004", "CL-0019"} or not image:
        return False
    whole = re.fullmatch(r"\$\{?\w+[^}]*\}?", image[1])
    return bool(whole or image[1].startswith("localhost/") or is_own(tree, image[1]))


# A key's name that tells of something about a secret, or of where it is.
_ABOUT = re.compile(
    r"_(PATH|FILE|DIR|URL|URI|ENDPOINT|HOST|PORT|USERS?|USERNAME|NAME|ID|BACKEND|PROVIDER|TYPE|"
    r"ENABLED?|DISABLED?|REQUIRED|TTL|EXPIR\w*|LIFETIME|LENGTH|LIMIT|ALGORITHM|ALGO|HEADER|ISSUER|"
    r"AUDIENCE|SCOPES?|REALM|MODE|COUNT|SIZE|INTERVAL|LOCATION|MOUNT|STORE)$"
)
# A value that is none: a path, an address without a password, a mail address, a switch, a number,
# a word that stands for nothing.
_PLAIN_VALUE = re.compile(
    r"[~.]?/[\w./-]*|\w+://[^@\s]*|[\w.+-]+@[\w-]+(\.[\w-]+)+|true|false|yes|no|on|off|none|null|"
    r"\d{1,9}|(sk-)?(none|dummy|empty|unused|not[-_]?(needed|used|required)|fake|test|n/?a|x+)|"
    r"(your|my)[-_ ].*|<.*>|\*+", re.IGNORECASE
)


def _severity(tree: Tree, one: dict[str, Any]) -> RuleSeverity:
    # What is there to be filled in runs nowhere yet.
    if re.search(r"(^|/)(templates?|skeletons?)/", one["file"]):
        return "info"
    level = severity(one["rule_id"], one["severity"])
    if one["rule_id"] == "CL-0021":
        # Of a password that everybody knows default_password speaks.
        address = re.search(r"://[^\s:/@]+:([^\s@]+)@", _value_of(tree, one) or "")
        known = address and (DEFAULT.fullmatch(address[1]) or "$" in address[1])
        return "info" if known else level
    # Of what commands get as arguments password_on_command_line speaks.
    if one["rule_id"] != "CL-0020" or "argument '" in one["message"]:
        return level if one["rule_id"] != "CL-0020" else "info"
    key = _KEY.search(one["message"])
    value = _value_of(tree, one)
    # A default that is put in where nobody sets one stands for the example that it is.
    shown = re.sub(r"^\$\{\w+:?-([^${}]*)\}$", r"\1", (value or "").strip())
    about = key and _ABOUT.search(key[1])
    plain = value is not None and (
        not shown or _PLAIN_VALUE.fullmatch(shown) or DEFAULT.fullmatch(shown)
        or not looks_real(shown)
    )
    return "info" if about or plain else level


_KEY = re.compile(r"env (?:key|var) '([^']*)'")


def _value_of(tree: Tree, one: dict[str, Any]) -> str | None:
    """The value of the environment's key that a finding names."""
    key = _KEY.search(one["message"])
    path = one["file"].removeprefix("./")
    if not re.search(r"\.ya?ml$", path):
        # An env_file: the line itself has it.
        lines = tree.text(path).split("\n")
        line = lines[int(one["line"]) - 1] if 0 < int(one["line"] or 0) <= len(lines) else ""
        return line.partition("=")[2].strip().strip("\"'") or None
    return next(
        (service.environment[key[1]][0] for file in tree.composes if file.path == path
         for service in file.services
         if key and service.name == one["service"] and key[1] in service.environment), None
    )
