"""The commits onto a branch of their own, through a working tree of their own, and a push."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from xnai.publish import commits
from xnai.publish.commits import RECORD, Placed, PlannedCommit
from xnai.publish.git import Git, NotPublished
from xnai.publish.refusals import refuse_others_words, refuse_secrets, refuse_strangers, start
from xnai.publish.request import ToPublish

_SHOWN = "xnai-shown"
_PREFIX = "xnai-publish-"


@dataclass(frozen=True)
class Published:
    """What came of it.

    Attributes:
        commits: (hash, first line) of those that were made.
        kept: a person's files that were not replaced.
        pushed: whether the remote has them.
        diff: all that they change.
        note: what a person should know, or empty.
    """

    commits: tuple[tuple[str, str], ...]
    kept: tuple[str, ...]
    pushed: bool
    diff: str
    note: str = ""


def publish(repository: Path, wanted: ToPublish) -> Published:
    """Make the commits and push them, or change nothing.

    Raises:
        NotPublished: it was refused; nothing changed.
    """
    git = Git(repository)
    answer = git.ask("rev-parse", "--show-toplevel")
    if "dubious ownership" in answer.error:
        raise NotPublished(
            f"{repository} is another user's, and git does not work there: run this as that user, "
            f"or, where you trust it: git config --global --add safe.directory {repository}"
        )
    top = answer.out.strip()
    if not top or Path(top).resolve() != repository.resolve():
        raise NotPublished(f"{repository} is not the top of a git checkout")
    begin, old = start(git, wanted)
    refuse_strangers(git, wanted.called)
    _clear(git)
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    try:
        git.must("worktree", "add", "--quiet", "--detach", str(folder / "tree"), begin)
        made, kept = _made(Git(folder / "tree"), repository, wanted)
        new = made[-1][0] if made else begin
        diff = git.must("diff", "--no-ext-diff", "--no-color", begin, new) if made else ""
        if wanted.is_dry:
            _remember(git, new)
            return Published(tuple(made), kept, False, diff)
        return _delivered(git, wanted, (begin, old, new), made, kept, diff)
    except OSError as error:
        raise NotPublished(f"{error.filename}: {error.strerror}") from None
    finally:
        git.ask("worktree", "remove", "--force", str(folder / "tree"))
        shutil.rmtree(folder, ignore_errors=True)


def _clear(git: Git) -> None:
    """Take away what a killed run of ours left; nobody else's working tree, though it be away."""
    common = git.ask("rev-parse", "--path-format=absolute", "--git-common-dir").out.strip()
    for entry in Path(common, "worktrees").glob("*"):
        try:
            place = Path((entry / "gitdir").read_text().strip()).parent
        except OSError:
            continue
        match = re.fullmatch(rf"{_PREFIX}(\d+)-\w+", place.parent.name)
        if match and place.name == "tree" and not Path("/proc", match[1]).exists():
            shutil.rmtree(place.parent, ignore_errors=True)
            shutil.rmtree(entry, ignore_errors=True)


def files_of(repository: Path, wanted: ToPublish) -> dict[str, bytes]:
    """Return all that could be committed, for whoever looks through it: path -> content."""
    found = dict(wanted.rendered)
    for one in commits.of_reports(repository, wanted.called, wanted.version):
        found |= one.files
    return found


def _made(
    tree: Git, repository: Path, wanted: ToPublish
) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
    """The commits in the other working tree; of files that change nothing there is none."""
    found = _placed(tree, wanted)
    planned = [
        one for one in (
            commits.of_rendered(found, wanted.images, wanted.version),
            *commits.of_reports(repository, wanted.called, wanted.version),
        ) if one is not None
    ]
    refuse_secrets(planned)
    refuse_others_words(tree, Git(repository), wanted, planned)
    made = []
    for one in planned:
        if _staged(tree, one):
            text = f"{one.message}\n\n{one.body}\n"
            tree.must("commit", "--quiet", "-F", "-", given=text.encode())
            made.append((tree.commit_of("HEAD"), one.message))
    return made, found.kept


def _placed(tree: Git, wanted: ToPublish) -> Placed:
    def content(path: str) -> bytes | None:
        # Git's own content: what is checked out may have other line ends.
        answer = tree.ask("cat-file", "blob", f"HEAD:{path}")
        return None if answer.code else answer.data

    record: dict[str, str] = {}
    with suppress(ValueError, TypeError):
        record = json.loads(content(RECORD) or b"{}")
    there = {path: found for path in wanted.rendered if (found := content(path)) is not None}
    return commits.placed(wanted.rendered, there, record)


def _staged(tree: Git, one: PlannedCommit) -> bool:
    """Write a commit's files and stage them; return whether they change anything."""
    for path, data in one.files.items():
        file = tree.folder / path
        if file.is_symlink() or not file.resolve().is_relative_to(tree.folder.resolve()):
            raise NotPublished(f"{path} is a link in the repository: a plain file is wanted there")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    # A .gitignore of the user's, or what a sparse checkout shows, does not decide over what was
    # asked for.
    tree.must("add", "--force", "--sparse", "--", *one.files)
    if one.gone:
        tree.must("rm", "--quiet", "--force", "--sparse", "--ignore-unmatch", "--", *one.gone)
    return tree.ask("diff", "--cached", "--quiet").code != 0


def _delivered(
    git: Git, wanted: ToPublish, ends: tuple[str, str, str], made: list[tuple[str, str]],
    kept: tuple[str, ...], diff: str,
) -> Published:
    """Push where that is wanted and was seen, and move the branch."""
    begin, old, new = ends
    pushed, note = False, ""
    name, nothing = f"refs/heads/{wanted.branch}", "0" * len(new)
    moves = new != old and bool(made or old)
    if moves:
        # Whoever moved it meanwhile keeps it.
        git.must("update-ref", "-m", "xnai publish", name, new, old or nothing)
    if wanted.remote and (new != begin or (old and _behind(git, wanted, new))):
        if _shown(git) == _tree(git, new):
            try:
                _push(git, wanted, new)
            except NotPublished:
                if moves:
                    git.must("update-ref", "-m", "xnai publish", name, old or nothing, new)
                raise
            pushed = True
        elif new != begin:
            _remember(git, new)
            note = (
                f"not pushed to {wanted.remote} yet: the diff above is shown now; the same command "
                "again pushes it"
            )
    return Published(tuple(made), kept, pushed, diff, note)


def _behind(git: Git, wanted: ToPublish, tip: str) -> bool:
    """Whether the remote lacks what the branch has: committed by a run that did not push yet."""
    listed = git.ask("ls-remote", "--heads", wanted.remote, f"refs/heads/{wanted.branch}").out
    return listed.partition("\t")[0].strip() != tip


def _tree(git: Git, commit: str) -> str:
    return git.must("rev-parse", f"{commit}^{{tree}}").strip()


def _record(git: Git) -> Path:
    return Path(git.must("rev-parse", "--absolute-git-dir").strip()) / _SHOWN


def _shown(git: Git) -> str:
    file = _record(git)
    return file.read_text().strip() if file.is_file() else ""


def _remember(git: Git, commit: str) -> None:
    _record(git).write_text(_tree(git, commit) + "\n")


def _push(git: Git, wanted: ToPublish, commit: str) -> None:
    """Push one commit; git's exit code and the ref's own status decide, not its last word."""
    answer = git.ask(
        "push", "--porcelain", "--no-follow-tags", wanted.remote,
        f"{commit}:refs/heads/{wanted.branch}",
    )
    refused = [line for line in answer.out.splitlines() if line.startswith("!")]
    if answer.code or refused:
        said = " ".join(refused).replace("\t", " ") or answer.error
        raise NotPublished(f"{wanted.remote} did not take it: {said}. Nothing was changed here")
