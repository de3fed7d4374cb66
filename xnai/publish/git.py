"""git in somebody's checkout: with that person's identity, hooks and keys, and no questions."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

_LIMIT_S = 300
# Who commits, and by which key; nothing that leads git to another repository.
_KEPT = ("GIT_SSH", "GIT_CONFIG_GLOBAL", "GIT_AUTHOR_", "GIT_COMMITTER_")


class NotPublished(Exception):
    """Nothing was published and nothing changed; the text says what was found and what to do."""


@dataclass(frozen=True)
class GitAnswer:
    """What git said.

    Attributes:
        code: its exit code.
        out: standard output.
        data: the same as bytes.
        error: standard error, its last lines.
    """

    code: int
    out: str
    error: str
    data: bytes = b""


@dataclass(frozen=True)
class Git:
    """A working tree of git's.

    Attributes:
        folder: its top.
    """

    folder: Path

    def ask(self, *words: str, given: bytes | None = None) -> GitAnswer:
        """Run git; nobody is asked for anything, and no variable leads it elsewhere."""
        environment = {
            name: text for name, text in os.environ.items()
            if not name.startswith("GIT_") or name.startswith(_KEPT)
        } | {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8", "GIT_EDITOR": "true"}
        if words[0] in ("ls-remote", "fetch", "push"):
            said = self.ask("config", "--get", "core.sshCommand").out.strip()
            ssh = environment.get("GIT_SSH_COMMAND") or said or environment.get("GIT_SSH") or "ssh"
            # A question about a host's key would wait for ever.
            environment["GIT_SSH_COMMAND"] = f"{ssh} -o BatchMode=yes"
        try:
            done = subprocess.run(
                # Not `stdin` beside it: gevent's subprocess, which pyinfra puts in, takes one.
                ["git", *words], cwd=self.folder, env=environment, check=False, input=given or b"",
                capture_output=True, timeout=_LIMIT_S,
            )
        except FileNotFoundError:
            raise NotPublished("git is not there: sudo apt-get install git") from None
        except subprocess.TimeoutExpired:
            raise NotPublished(f"git {words[0]} did not end within {_LIMIT_S} s") from None
        error = " ".join(done.stderr.decode("utf-8", "replace").split()[-60:])
        out = done.stdout.decode("utf-8", "surrogateescape")
        return GitAnswer(done.returncode, out, error, done.stdout)

    def must(self, *words: str, given: bytes | None = None) -> str:
        """Run git and return what it printed.

        Raises:
            NotPublished: it failed.
        """
        answer = self.ask(*words, given=given)
        if answer.code:
            raise NotPublished(f"git {words[0]}: exit code {answer.code}: {answer.error}")
        return answer.out

    def commit_of(self, name: str) -> str:
        """Return the commit that a name stands for, or an empty text."""
        return self.ask("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").out.strip()
