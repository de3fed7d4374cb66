"""Recipes that the shell cannot read."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator

from xnai.audit.model import Hit, Rule, Unknown
from xnai.audit.recipe_texts import recipe_texts
from xnai.audit.tree import Tree

# Plain words cannot be wrong; starting a shell for each of them would take most of an audit.
_PLAIN = re.compile(r"(?!(if|then|else|fi|for|do|done|while|until|case|esac|function)\b)"
                    r"[\w\s./=:@,+%~-]*")


class MakeShellSyntax(Rule):
    """An expanded recipe that `bash -n` refuses."""

    id = "make_shell_syntax"
    severity = "error"
    title = "recipe has a shell syntax error"
    remedy = "Mend it. Each line of a recipe is a shell of its own: join lines with ; and \\."

    def check(self, tree: Tree) -> Iterator[Hit | Unknown]:
        """Ask bash, which with -n reads and runs nothing."""
        if not tree.makefiles:
            return
        bash = shutil.which("bash")
        if bash is None:
            yield Unknown("bash", "bash is not installed", "sudo apt-get install bash")
            return
        for one in recipe_texts(tree):
            if _PLAIN.fullmatch(one.text):
                continue
            done = subprocess.run(
                [bash, "--norc", "-n"], input=one.text.encode("utf-8", "replace"),
                capture_output=True, env={"LC_ALL": "C.UTF-8"}, check=False, timeout=10,
            )
            if done.returncode:
                said = done.stderr.decode("utf-8", "replace").strip().split("\n")[0]
                match = re.match(r".*?line (\d+): (.*)", said)
                # An end that never comes is found behind the last line.
                below = min(int(match[1]) - 1, one.text.count("\n")) if match else 0
                what = match[2] if match else said
                yield Hit(one.path, one.line + below, f"'{one.target}': {what}.")
