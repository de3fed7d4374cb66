"""Recipes with commands that destroy more than they say."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

_START_UP = (
    r"(~|\$HOME|\$\{HOME\}|/root|/home/\w+)?/?\.(bashrc|zshrc|profile|bash_profile|zprofile)"
)
_OTHERS = "those of other projects too"
_SECRETS = "it overwrites .env and the secrets in it"
DANGERS = {
    r"\b(sudo\s+)?killall\s": "killall ends every process of that name, other people's too",
    r"\b(docker|podman)\s+(image\s+rm|rmi)\s+(?=[^;&|]*((?<![\w-])-a\b|--all\b|\bimages\s+-\w*q))"
    r"(?=[^;&|]*(-f|--force|-\w*f))": f"it removes every image, {_OTHERS}",
    r"\b(docker|podman)\s+system\s+prune\b(?![^;&|]*--filter)[^;&|]*(--volumes)":
        f"it deletes every unused volume with its data, {_OTHERS}",
    r"\b(docker|podman)\s+rm\s+[^;&|]*\$\((docker|podman)\s+ps\s+-\w*a?\w*q":
        f"it removes every container, {_OTHERS}",
    r"(?<![>&\d])>\s*(\./)?\.env(?![\w.])": _SECRETS,
    r"\bcp\s+(?!-n|--no-clobber|--update=none)[^;&|]*\s(\./)?\.env(?![\w./])": _SECRETS,
    rf">>\s*\"?{_START_UP}": "each run adds to a start-up file of the user's shell once more",
    r"\b(curl|wget)\b[^;&|]*\|\s*(sudo\s+)?(-E\s+)?(ba|z|da)?sh\b":
        "it runs whatever the server sends, even half of it",
    r"\brm\s+-\w*[rR]\w*\s+(-\w+\s+)*(/|/\*|~|\$HOME|\$\$HOME)(?=\s|$|;)": "it deletes everything",
    r"\bgit\s+(reset\s+--hard|clean\s+-\w*f)": "it deletes work that was not committed",
    r"\bchmod\s+(-R\s+)?0?777\b": "every user of the machine may write there",
}
# What is only printed: quoted words that no command stands in, and comments.
_SAYS = re.compile(
    r"(?m)\b(?:echo|printf)\b(?:\s+-\w+)*"
    r"(?:\s+(?:\"(?:[^\"\\$`]|\\.|\$(?!\())*\"|'[^']*'))+(?!\s*\|)|^\s*#.*$"
)
# A test in front of it, as in [ -f .env ] || cp .env.example .env.
_GUARDED = re.compile(r"(\[|test)\s+(!\s+)?-[efs]\s+\S*\.env|if\b.*\.env")


def _blank(match: re.Match[str]) -> str:
    """As many lines as there were, so that places stay."""
    return ":" + "\n" * match[0].count("\n")


class MakeDangerousCommand(Rule):
    """A command of the table above in an expanded recipe."""

    id = "make_dangerous_command"
    severity = "warning"
    title = "dangerous command"
    remedy = (
        "Name what is meant: own processes by PID, own images by name, a file only where it is "
        "absent (cp -n, [ -f FILE ] ||), a download by its checksum."
    )

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield each danger once a line; what is only echoed is no danger."""
        for makefile in tree.makefiles:
            seen = set()
            for one in makefile.commands:
                text = _SAYS.sub(_blank, one.text)
                for pattern, why in DANGERS.items():
                    match = re.search(pattern, text)
                    if not match or (".env" in why and _GUARDED.search(text)):
                        continue
                    line = one.line + text[: match.start()].count("\n")
                    if (one.path, line, pattern) not in seen:
                        seen.add((one.path, line, pattern))
                        yield Hit(one.path, line, f"'{match[0].strip()}': {why}.")
