"""Passwords in texts: which values are a default that everybody knows, which are real ones."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from xnai.audit.tree import Tree

_NAME = r"[A-Za-z_]*(?:PASS(?:WORD|WD)?|PASSPHRASE|SECRET(?:_KEY)?|TOKEN|API_?KEY)"
SECRET_NAME = re.compile(rf"(?i){_NAME}(?=_|\d|\b)")

# What stands in half of all instructions, and is tried first by whoever looks for a way in.
DEFAULT = re.compile(
    r"(?i)change[-_ ]?(me|this|it|now|password)\w*[!-~]{0,8}|(please[-_ ]?)?replace[-_ ]?(me|this)"
    r"\w*|(super[-_ ]?)?secret[-_ ]?(password|key|token)?\d{0,4}|p[a@]ss(w[o0]rd)?\d{0,4}!?|"
    r"admin\d{0,4}|root\d{0,4}|letmein|qwerty\w*|123456\d*|default[-_]?password|minioadmin|"
    r"(my|some|a)[-_]?(secret|password)([-_]?(key|password))?\d{0,4}|postgres"
)

_PLACEHOLDER = re.compile(
    r"(?i)$|<.*>|\[.*\]|\{.*\}|\$.*|%.*%|(your|my|some|the|insert|enter|add|put|example|sample|"
    r"placeholder|replace|change|fill|todo|fixme|dummy|fake|test|none|null|undefined|x{3,}).*|"
    r"\*+|\.{3}.*|.*(your|example|placeholder|here|change[-_]?me|xxx|\.\.\.).*|"
    r"(true|false|yes|no|on|off)|[\d.]+[smhdkMGB]?|[a-z]+"
)
# The beginnings that providers give to their keys.
_PROVIDERS = re.compile(
    r"sk-(proj-|ant-)?[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|"
    r"hf_[A-Za-z0-9]{30,}|AKIA[0-9A-Z]{16}|xox[abpr]-[\w-]{20,}|AIza[\w-]{35}|glpat-[\w-]{20,}|"
    r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"
)


@dataclass(frozen=True)
class PasswordPlace:
    """A place in a text: its line, counted from 1, and the words of a finding."""

    line: int
    what: str


def looks_real(value: str) -> bool:
    """Return whether a value looks like a secret that a machine made, not like a placeholder."""
    text = value.strip().strip("\"'")
    if _PROVIDERS.fullmatch(text):
        return "xxx" not in text.lower() and len(set(text)) > 12
    if len(text) < 16 or _PLACEHOLDER.fullmatch(text) or not re.fullmatch(r"[\w+/=.~-]+", text):
        return False
    # A row of digits or letters, and the key of Azure's emulator, which its documentation prints.
    if re.search(r"(?i)12345|23456|abcdef|^Eby8vdM02xNOcq", text):
        return False
    # Words joined by hyphens are names; what a generator prints mixes its characters.
    counts = Counter(text)
    entropy = -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values())
    return entropy > 3.2 and bool(re.search(r"\d", text) and re.search(r"[A-Za-z]", text)) \
        and not re.search(r"[a-z]{7,}", text)


_ON_COMMAND_LINE = (
    (re.compile(r"\bredis-cli\b(?:\s+-(?!a\b)\S+(?:\s+[\w.]+)?)*\s+(?:-a|--pass)[= ]?\s*"
                r"[\"']?([^\s\"']+)"),
     "redis-cli -a", "REDISCLI_AUTH in the environment"),
    (re.compile(r"\b(?:psql|pg_dump|pg_restore|createdb|pg_isready|alembic|mongosh?|mongodump|"
                r"mysql|curl|wget)\b[^\n;&|]*?\b[a-z][a-z0-9+]*://[^\s:/@\"']+:([^\s@\"'/]+)@"),
     "a URL with a password", "PGPASSFILE or a file that only its user reads"),
    (re.compile(r"\b(?:mysql|mysqldump|mysqladmin|mariadb)\b[^\n;&|]*?\s(?:-p|--password=)"
                r"[\"']?([^\s\"']+)"), "mysql -p", "MYSQL_PWD or --defaults-file"),
    (re.compile(r"\b(?:docker|podman)\s+login\b[^\n;&|]*?\s(?:-p|--password)[= ][\"']?"
                r"([^\s\"']+)"), "login --password", "--password-stdin"),
    (re.compile(r"\bredis-server\b[^\n;&|]*?--requirepass[\s\"',]+[\"']?([^\s\"',\]]+)"),
     "redis-server --requirepass", "a configuration file that only its user reads"),
    (re.compile(r"\bsshpass\s+-p\s*[\"']?([^\s\"']+)"), "sshpass -p", "a key, or sshpass -f FILE"),
)


_COMMANDS = re.compile(
    r"redis-|psql|pg_|createdb|alembic|mongo|mysql|mariadb|curl|wget|login|sshpass"
)


def on_command_lines(text: str) -> Iterator[PasswordPlace]:
    """Yield the passwords that commands of a text get as arguments, which `ps` shows to all."""
    for number, line in enumerate(text.split("\n"), 1):
        if not _COMMANDS.search(line) or line.lstrip().startswith("#"):
            continue
        for pattern, name, better in _ON_COMMAND_LINE:
            match = pattern.search(line)
            # A server's password in a variable is seen by whoever may look into its container.
            variable = name.startswith("redis-server") and "$" in (match[1] if match else "")
            if match and not variable and not re.fullmatch(r"[<\[].*|\*+|\.{3}", match[1]):
                yield PasswordPlace(
                    number, f"{name}: every user of the machine sees it in ps while it runs, and "
                    f"the shell keeps it; use {better}.",
                )
                break


_SET = re.compile(
    rf"(?P<name>\b{_NAME}(?:_\d+)?)\b[\"']?\s*(?:[:?]?=|:)\s*[\"']?(?:\$\{{\w+:?-)?"
    r"(?P<value>[^\s\"'}#,;)]+)", re.IGNORECASE
)
_URL = re.compile(r"\b[a-z][a-z0-9+]*://([^\s:/@\"'$]+):(?:\$\{\w+:?-)?([^\s@\"'/}$]+)\}?@")


_SECRETS = re.compile(r"(?i)pass|secret|token|key|://")


def defaults(text: str) -> Iterator[PasswordPlace]:
    """Yield the lines that give a secret a value that everybody knows."""
    for number, line in enumerate(text.split("\n"), 1):
        if not _SECRETS.search(line):
            continue
        said = re.match(r"\s*@?(echo|printf|log|info|warn|print)\b", line)
        if line.lstrip().startswith(("#", "//")) or len(line) > 2_000 or said:
            continue
        found = [(match["name"], match["value"]) for match in _SET.finditer(line)]
        found += [("a URL", match[2]) for match in _URL.finditer(line)
                  if not re.match(r"(host|hostname|example)\b", line[match.end():])]
        for name, value in found:
            if DEFAULT.fullmatch(value) and not re.search(r"(?i)_(file|path|name|user|url)$", name):
                yield PasswordPlace(
                    number, f"{name} is '{value}' unless somebody sets it: whoever reads this "
                    "file can log in.",
                )
                break


def documents(tree: Tree) -> Iterator[tuple[str, str]]:
    """Yield (path, text) of the tree's documents, where a finding is advice."""
    for path, text in tree.script_texts.items():
        if path.endswith((".md", ".rst")):
            yield path, text


def shell_scripts(tree: Tree) -> Iterator[tuple[str, str]]:
    """Yield (path, text) of the tree's own shell scripts."""
    for path, text in tree.script_texts.items():
        if path.endswith((".sh", ".bash")) and not re.search(
                r"(^|/)(tests?|e2e|fixtures?)/|[._-]test\.sh$", path):
            yield path, text
