"""Rules of our own for secrets in texts: what the scanner has none for, or finds too seldom.

Passwords on command lines, in addresses, under names that sound so, in sentences and tables; the
addresses of webhooks; keys without a name beside them; the values of a Kubernetes Secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from xnai.audit.passwords import looks_real, on_command_lines
from xnai.publish.secret_words import (
    PASSWORD,
    is_packed,
    is_password_in_prose,
    is_placeholder,
    is_secret,
    looks_made,
)

UNDER_A_NAME = "a value under a name that sounds secret"
_MOST_LETTERS = 5_000
# user:password@host in an address, where the password is no variable and no word for one.
# One that is the user's name is no secret.
_ADDRESS = re.compile(
    r"\b[a-z][a-z0-9+]*://(?P<user>[^\s:/@\"'$<>{}]*):(?!(?P=user)@)"
    r"(?P<password>[^\s@\"'/${}<>\[\]]{4,})@[\w.\[]"
)
# A variable in the password's place, in whatever quotation marks.
_VARIABLE = re.compile(
    r"(?:\s-a|\s-p|--pass(?:word)?|--requirepass)[\s=,]*[\\\"']*(\$|\{\{|%|<)|://[^\s:/@]*:\$"
)
_REDIS_CLI = re.compile(
    r"\b(?:redis|valkey|keydb)-cli\b[^;&|\n]*?\s(?:-a|--pass)(?:[= ]\s*|(?=[\"']))[\"']?"
    r"(?![$%{<\\])([^\s\"']{4,})"
)
_IN_A_LIST = re.compile(
    r"[\"']redis-cli[\"'](?:\s*,\s*[^,\]]+?)*?\s*,\s*[\"'](?:-a|--pass)[\"']\s*,\s*[\"']([^\"']+)[\"']"
)
_WEBHOOK = re.compile(
    r"https?://(?:(?:\w+\.)?discord(?:app)?\.com/api/webhooks/\d{15,}/[\w-]{40,}|"
    r"api\.telegram\.org/bot\d{6,}:[\w-]{30,}|[\w.-]+\.webhook\.office\.com/\S{40,}|"
    r"[\w.-]+/hooks/[a-z0-9]{26}\b)|"
    # As shoutrrr(1) and Apprise write them.
    r"\b(?:discord|slack|teams|telegram|mattermost|rocketchat|gotify|pushover|ntfy|googlechat|"
    r"matrix)s?://[^\s\"'$<{]*(?=[\w-]*\d)[\w-]{16,}[^\s\"']*"
)
_MASK = re.compile(r"(?i)x{8,}|\*{3,}|\.{3}")
# A key in an address' query.
_QUERY = re.compile(
    r"[?&](?:sig|token|key|secret|access_token|api_?key|code|password)=([\w%.+/~-]{16,})", re.I
)
_KEY_ID = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bLTAI[A-Za-z0-9]{12,24}\b")
_BESIDE_ID = re.compile(r"(?<![\w+/=-])[A-Za-z0-9+/]{30,40}(?![\w+/=-])")
_PUTTY = re.compile(r"^PuTTY-User-Key-File-\d: ")
# An argument a line, as Kubernetes has them.
_OPTION_LINE = re.compile(r"^\s*-\s*[\"']?(?:-a|--pass|--requirepass)[\"']?\s*$")
_ARGUMENT = re.compile(r"^\s*-\s*[\"']?(?![$%{<])([^\s\"']{6,})[\"']?\s*$")
# Keys that are told from other words by their form alone.
_KEY = re.compile(
    r"(?<![\w+/-])(?:AIza[\w-]{33,37}|[A-Za-z0-9+/]{86}==|LTAI[A-Za-z0-9]{12,24}|dop_v1_[0-9a-f]{64})"
    r"(?![\w+/=])"
)
_NAME = (
    r"(?:[\w./-]*(?:passwd|password|passwort|kennwort|passphrase|secret|token|api[_-]?key|"
    r"access[_-]?key|account[_-]?key|(?:secret|private|encryption|signing|master)[_-]?key)|"
    r"(?:[\w.-]*[_.-])?(?:pass|pwd|pw|basic[_-]?auth|rediscli[_-]?auth))(?:_\d+)?"
)
_SET = re.compile(
    rf"(?i)(?<![\w/-])[\"']?(?P<name>{_NAME})[\"']?\s*(?::=|[:=])\s*"
    r"(?:(?P<quote>[\"'`])(?P<quoted>(?:(?!(?P=quote)).){6,}?)(?P=quote)|(?P<plain>[^\s\"'`]{6,}))"
)
# The value that a variable has where nobody sets it.
_DEFAULT = re.compile(r"\$\{\w+:?-(?P<value>[^}\s]{6,})\}")
_FOR_PASSWORD = re.compile(rf"(?i).*{PASSWORD}(_\d+)?")
_NAMED = re.compile(rf"(?i)^\s*-?\s*name:\s*[\"']?{_NAME}[\"']?\s*$")
_VALUE = re.compile(r"^\s*-?\s*value:\s*[\"']?(?P<value>[^\s\"']{6,})")
_BLOCK = re.compile(rf"(?i)^(?P<indent>\s*)[\"']?{_NAME}[\"']?:\s*(?:[>|][+-]?)?\s*$")
_DATA = frozenset({
    ".yaml", ".yml", ".env", ".ini", ".cfg", ".conf", ".toml", ".json", ".properties", ".container",
    ".service", ".tfvars", ".txt", ".md", ".rst", ".sh", ".bash", ".zsh", ".fish", ".ps1", ".bat",
    ".mk", ".log", "",
})
# What stands there is made up, but for what a machine has made.
_TEST = re.compile(
    r"(^|/)(tests?|__tests__|fixtures?|testdata|e2e)/|(^|/)(test_[^/]*|conftest)\.py$|"
    r"[._](test|spec)\.\w+$"
)
_PROSE = frozenset({".md", ".txt", ".rst", ".org", ".adoc", ".html", ".htm", ".ipynb", ".log", ""})
_NO_PROSE = re.compile(
    r"(?i)(gnu)?makefile|(docker|container|just|vagrant|jenkins|proc|caddy)file|\."
)
_COMMENT = re.compile(r"^\s*(?:#|//|--|;|/?\*|<!--)|\s#\s")
_SAID = re.compile(
    r"(?i)\b(?:password|passwort|passphrase|pass|pwd|pw|secret|token)\b(?:\s+[\w-]+){0,6}?\s*"
    r"(?:\b(?:is|was|ist|remains|lautet)\b(?:\s+(?:now|jetzt|nun|wieder))?|=|:)\s+[\"'`*]{0,3}(?P<value>[^\s\"'`,;()*]{6,})|"
    r"\b(?:with|use|mit)\s+(?:the\s+)?(?:password|passwort|pw|pass|secret)\s+[\"'`*]{0,3}"
    r"(?P<other>[^\s\"'`,;()*]{6,})|"
    r"\b(?:pw|pwd|password|passwort|kennwort)\s+[\"'`*]{0,3}(?P<third>[^\s\"'`,;()*]{6,})"
)
# A line of code among prose, or of a page's script.
_CODE = re.compile(
    r"[;{]\s*(\\n)?[\"']?,?\s*$|\w\(.*\)\s*(\\n)?[\"']?,?\s*$|=>|^\s*\"?\s*(const|let|var|def|import|return|"
    r"class|from)\b|\w+\([^)]*[=,][^)]*\)"
)
_ABOUT = re.compile(
    rf"(?i)\b\w*{PASSWORD}\b|\bwi-?fi\b|\bwlan\b|\blog(?:ged)?[ -]?in\b|\banmeld|\bsign in\b|"
    r"\baccount\b|\bschlüssel:|\bkey:|\bcredentials?\b|\bzugangsdaten\b"
)
_WORDS = re.compile(r"[^\s\"'`<>|,;()„“”»«\[\]{}]+")
_KUBERNETES = re.compile(r"\bkind[\"']?\s*:\s*[\"']?Secret\b")
_PACKED = re.compile(
    r"(?P<name>[\w.-]+)[\"']?\s*:\s*[\"']?(?P<value>[A-Za-z0-9+/]{12,}={0,2})(?![\w+/])"
)


def by_rules(path: str, text: str) -> Iterator[tuple[int, str]]:
    """Yield the line, counted from 1, and the kind of each secret in a file.

    Args:
        path: of the file; its ending tells values from code and from prose.
        text: its content.
    """
    lines = text.split("\n")
    yield from _on_command_lines(text, lines)
    in_secret = _KUBERNETES.search(text) is not None
    name = PurePosixPath(path).name
    suffix = ".env" if name.startswith(".env") else PurePosixPath(path).suffix.lower()
    is_test = _TEST.search(path) is not None
    is_prose = suffix in _PROSE and not _NO_PROSE.match(name)
    for number, line in enumerate(lines, 1):
        if len(line) > _MOST_LETTERS:
            continue  # the scanner reads it; rules of our own are for what people write
        following = lines[number] if number < len(lines) else ""
        if is_test:
            yield from _strong(number, line)
            if _COMMENT.search(line):
                yield from _in_prose(number, line, following)
            continue
        yield from ((number, kind) for kind in _by_form(line))
        yield from _named(number, line, following, suffix)
        if _OPTION_LINE.match(line) and (argument := _ARGUMENT.match(following)) and not (
                is_placeholder(argument[1])):
            yield number + 1, "a password on a command line"
        if _KEY_ID.search(line) and any(map(looks_made, _BESIDE_ID.findall(following))):
            yield number + 1, "a key"
        if in_secret and any(is_packed(match["value"]) for match in _PACKED.finditer(line)):
            yield number, "a value of a Kubernetes Secret"
        if is_prose or _COMMENT.search(line):
            yield from _in_prose(number, line, following)
    if is_prose:
        yield from _in_tables(lines)


def _on_command_lines(text: str, lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    kind = "a password on a command line"
    for place in on_command_lines(text):
        if not _VARIABLE.search(lines[place.line - 1]):
            yield place.line, kind
    # A command over several lines is one.
    for match in re.finditer(r"(?m)^(?:.*\\\r?\n)+.*", text):
        joined = re.sub(r"\\\r?\n", " ", match[0])
        if (any(on_command_lines(joined)) and not _VARIABLE.search(joined)) or _to_redis(joined):
            first = text.count("\n", 0, match.start()) + 1
            own = match[0].split("\n")
            yield first + next((at for at, line in enumerate(own) if re.search(
                r"\s-a\b|--pass|\s-p|requirepass|://", line)), 0), kind


def _to_redis(text: str) -> bool:
    """Whether a client of Redis is given a password there."""
    return any(not is_placeholder(match[1]) for match in _REDIS_CLI.finditer(text))


def _by_form(line: str) -> Iterator[str]:
    if (match := _IN_A_LIST.search(line)) and not is_placeholder(match[1]):
        yield "a password on a command line"
    if any(not _MASK.search(match[0]) for match in _WEBHOOK.finditer(line)):
        yield "the address of a webhook"
    if _PUTTY.search(line):
        yield "a private key"
    if _to_redis(line):
        yield "a password on a command line"
    if any(looks_made(match[1]) and not is_placeholder(match[1])
           for match in _QUERY.finditer(line)):
        yield "a key in an address"
    if any(not is_placeholder(match["password"]) for match in _ADDRESS.finditer(line)):
        yield "an address with a password"
    if "ENC[" not in line and any(len(set(match[0])) > 12 for match in _KEY.finditer(line)):
        yield "a key"


def _value_of(match: re.Match[str]) -> str:
    """What _SET has found under a name."""
    return match["quoted"] or match["plain"].rstrip(",;")


def _strong(number: int, line: str) -> Iterator[tuple[int, str]]:
    """A value that a machine has made, under a name that sounds secret."""
    values = map(_value_of, _SET.finditer(line))
    if any(looks_real(one) and max(map(len, re.split(r"[-_]", one))) >= 16 for one in values):
        yield number, UNDER_A_NAME


def _named(number: int, line: str, following: str, suffix: str) -> Iterator[tuple[int, str]]:
    in_data = suffix in _DATA
    for match in _SET.finditer(line):
        value = _value_of(match)
        if default := _DEFAULT.fullmatch(value):
            value = default["value"]
        if "(" not in value:
            value = value.rstrip(")")  # the end of a call that it stands in
        shouted = match["name"].isupper()
        if not match["name"].startswith("checksum/") and is_secret(
            value, quoted=bool(match["quote"]), in_data=in_data or shouted,
            for_password=_FOR_PASSWORD.fullmatch(match["name"]) is not None,
        ):
            yield number, UNDER_A_NAME
            return
    if _NAMED.match(line) and (below := _VALUE.match(following)):
        value = below["value"]
    elif (block := _BLOCK.match(line)) and re.fullmatch(r"\s*\S{6,}\s*", following) and len(
            following) - len(following.lstrip()) > len(block["indent"]) and ": " not in following:
        value = following.strip().strip("\"'")
    else:
        return
    if is_secret(value, quoted=False, in_data=True, for_password=True):
        yield number + 1, UNDER_A_NAME


def _in_prose(number: int, line: str, following: str) -> Iterator[tuple[int, str]]:
    kind = "a password in a sentence"
    for match in _SAID.finditer(line):
        value = (match["value"] or match["other"] or match["third"]).rstrip(".:!?")
        joined = re.fullmatch(r"[a-z]+(-[a-z]+){2,}", value) and len(value) >= 20
        if (joined or looks_made(value)) and not is_placeholder(value):
            yield number, kind
            return
    if not _ABOUT.search(line) or _CODE.search(line):
        return
    if any(map(is_password_in_prose, _words(line))):
        yield number, kind
    # The answer below a question, or a line of its own.
    words = _words(following)
    asked = "?" in line or re.search(r"(?i)\b(what|how|which|wie|was|welches)\b", line)
    if words and is_password_in_prose(words[-1]) and (len(words) == 1 or asked):
        yield number + 1, kind


def _words(line: str) -> list[str]:
    """The words of a line without markup, addresses and code fences."""
    text = re.sub(r"\b[a-z][a-z0-9+]*://\S+|\\n\"?,?\s*$|&\w+;|</?[a-z]+[^<>]*>", " ", line)
    return [word.strip("*_") for word in _WORDS.findall(text)]


def _in_tables(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Cells below a heading that names passwords, in a table of Markdown's."""
    column: int | None = None
    for number, line in enumerate(lines, 1):
        cells = [cell.strip(" *`") for cell in line.strip().strip("|").split("|")]
        if "|" not in line:
            column = None
        elif column is None:
            column = next((at for at, cell in enumerate(cells) if re.fullmatch(
                rf"(?i)\w*{PASSWORD}|secret", cell)), None)
        elif column < len(cells) and is_password_in_prose(cells[column]):
            yield number, "a password in a table"
