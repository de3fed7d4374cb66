"""Version specifiers that the shell takes as redirections."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xnai.audit.dockerfile import Dockerfile, Instruction
from xnai.audit.model import Fix, Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

_SPECIFIER = re.compile(r"(?<=\s)([A-Za-z][\w.\[\],-]*(?:[~=!]=[\w.*]+,)?[<>]=?\s?\d[^\s;&|]*)")
_INSTALL = re.compile(r"\b(pip[\d.]*|uv pip|pipx)\s+install\b|\b(uv|poetry)\s+add\b")


class DockerUnquotedSpecifier(Rule):
    """name>=1.0 without quotes in a shell form."""

    id = "docker_unquoted_specifier"
    severity = "error"
    title = "version specifier without quotes"
    remedy = 'Quote it: "name>=1.0".'

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield each specifier outside of quotes, with the quotes as a fix."""
        for file in tree.dockerfiles:
            for stage in file.stages:
                for run in stage.all("RUN"):
                    if not run.is_list and _INSTALL.search(run.text):
                        yield from self._in_run(file, run)

    def _in_run(self, file: Dockerfile, run: Instruction) -> Iterator[Hit]:
        for number in range(run.first, run.last + 1):
            line = file.lines[number - 1]
            if line.lstrip().startswith("#"):
                continue
            # Quoted parts become blanks of the same length: places stay.
            bare = re.sub(r"\"[^\"]*\"|'[^']*'", lambda match: " " * len(match[0]), line)
            found = [match for match in _SPECIFIER.finditer(f" {bare}") if match]
            if found:
                mended = line
                for match in reversed(found):
                    start, end = match.start() - 1, match.end() - 1
                    mended = f'{mended[:start]}"{mended[start:end]}"{mended[end:]}'
                word = found[0][1]
                file_name = re.split(r"[<>]", word, maxsplit=1)[1]
                yield Hit(
                    file.path, number,
                    f"The shell reads {word} as a redirection to {file_name!r}: no version "
                    "is asked for.", Fix(number, number, (mended,)),
                )
