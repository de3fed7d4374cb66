"""Recipes that hand compose a file which is not there."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from xnai.audit.compose_calls import calls_in, may_be_made
from xnai.audit.model import Hit
from xnai.audit.recipe_texts import depends_on_output
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

_STARTS = frozenset({"up", "build", "start", "run"})
_NAME = re.compile(r"(docker-|podman-)?compose\.ya?ml|container-compose\.ya?ml")


def _none(tree: Tree, folder: str) -> bool:
    """Whether a plain call of compose finds no file, though the tree has some elsewhere."""
    above = {"", "."}
    while folder:
        above.add(folder)
        folder = posixpath.dirname(folder)
    texts = [*tree.make_texts.values(), tree.text(".env"), tree.text(".envrc")]
    return bool(tree.composes) and not any("COMPOSE_FILE" in text for text in texts) and not any(
        _NAME.fullmatch(posixpath.basename(path)) and posixpath.dirname(path) in above
        for path in tree.files if "compose" in path
    ) and not any(may_be_made(tree, "", name) for name in ("compose.yaml", "compose.yml",
                                                           "docker-compose.yml"))


class MakeComposeFileMissing(Rule):
    """-f FILE of a compose file that the tree lacks and nothing makes."""

    id = "make_compose_file_missing"
    severity = "error"
    title = "compose is given a file that does not exist"
    remedy = "Mend the path: it counts from the Makefile's own directory; or drop the -f."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield each missing file once a line."""
        seen = set()
        for makefile in tree.makefiles:
            for one in makefile.commands:
                if depends_on_output(makefile, one.raw):
                    continue
                for folder, call in calls_in(makefile.directory, one.text):
                    if not call.files and folder is not None and call.verb in _STARTS \
                            and (one.path, one.line, "") not in seen and _none(tree, folder):
                        seen.add((one.path, one.line, ""))
                        yield Hit(one.path, one.line, f"'{one.target}': compose {call.verb} stops: "
                                  f"no compose file in {folder or 'this directory'} or above it.")
                    for name in call.files:
                        key = (one.path, one.line, name)
                        if folder is None or key in seen or re.search(r"[$*?`~{]", name) \
                                or name in {"", "-"} or name.startswith("/"):
                            continue
                        seen.add(key)
                        path = posixpath.normpath(posixpath.join(folder, name))
                        if tree.has(path) or may_be_made(tree, one.text, path):
                            continue
                        other = next((two.path for two in tree.composes
                                      if posixpath.basename(two.path) == posixpath.basename(path)),
                                     "")
                        hint = f"; there is {other}" if other else ""
                        yield Hit(one.path, one.line,
                                  f"'{one.target}': compose {call.verb} stops: {path} does not "
                                  f"exist{hint}.")
