"""The commits onto a branch of their own, through a working tree of their own, and a push."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from xnai.publish import commits
from xnai.publish.commits import RECORD, Placed, PlannedCommit
from xnai.publish.git import Git, NotPublished
from xnai.publish.scan import NotScanned, secrets_in
from xnai.reports.documents import Names
from xnai.reports.write import PROPOSAL

_SHOWN = "xnai-shown"
_MOST = 5


@dataclass(frozen=True)
class ToPublish:
    """What is to be published, and where.

    Attributes:
        branch: of the repository.
        remote: name of a remote, or empty: nothing is pushed.
        called: names of the pages.
        rendered: path -> content of Dockerfiles and compose files.
        images: image -> reference.
        version: of this project.
        is_dry: whether only the diff is wanted.
    """

    branch: str
    remote: str
    called: Names
    rendered: Mapping[str, bytes]
    images: Mapping[str, str]
    version: str
    is_dry: bool = False


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
    top = git.ask("rev-parse", "--show-toplevel").out.strip()
    if not top or Path(top).resolve() != repository.resolve():
        raise NotPublished(f"{repository} is not the top of a git checkout")
    start, old = _start(git, wanted)
    _refuse_strangers(git, wanted.called)
    folder = Path(tempfile.mkdtemp(prefix="xnai-publish-"))
    try:
        git.must("worktree", "add", "--quiet", "--detach", str(folder / "tree"), start)
        made, kept = _made(Git(folder / "tree"), repository, wanted)
        new = made[-1][0] if made else start
        diff = git.must("diff", "--no-ext-diff", "--no-color", start, new) if made else ""
        if wanted.is_dry:
            _remember(git, new)
            return Published(tuple(made), kept, False, diff)
        return _delivered(git, wanted, (start, old, new), made, kept, diff)
    finally:
        git.ask("worktree", "remove", "--force", str(folder / "tree"))
        shutil.rmtree(folder, ignore_errors=True)
        git.ask("worktree", "prune")


def files_of(repository: Path, wanted: ToPublish) -> dict[str, bytes]:
    """Return all that could be committed, for whoever looks through it: path -> content."""
    found = dict(wanted.rendered)
    for one in commits.of_reports(repository, wanted.called, wanted.version):
        found |= one.files
    return found


def _start(git: Git, wanted: ToPublish) -> tuple[str, str]:
    """The commit to begin from, and the branch's present one (empty: it is new)."""
    head = git.ask("symbolic-ref", "--quiet", "--short", "HEAD")
    if head.code:
        raise NotPublished("HEAD is detached: git switch to a branch first")
    if head.out.strip() == wanted.branch:
        raise NotPublished(
            f"the branch {wanted.branch} is checked out here, and your files would no longer fit "
            "it: set publish_branch to another name, or git switch"
        )
    if git.ask("check-ref-format", "--branch", wanted.branch).code:
        raise NotPublished(f"publish_branch = {wanted.branch!r} is no name of a branch")
    directory = Path(git.must("rev-parse", "--absolute-git-dir").strip())
    for name in ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply"):
        if (directory / name).exists():
            raise NotPublished(f"something is unfinished here ({name}): end it first")
    here = git.commit_of("HEAD")
    if not here:
        raise NotPublished("there is no commit yet")
    old = git.commit_of(f"refs/heads/{wanted.branch}")
    start = old or here
    if wanted.remote:
        start = _with_remote(git, wanted, start, old)
    return start, old


def _with_remote(git: Git, wanted: ToPublish, start: str, old: str) -> str:
    """The start where a remote has the branch too; one that went another way is refused."""
    if git.ask("remote", "get-url", wanted.remote).code:
        names = ", ".join(git.ask("remote").out.split()) or "none"
        raise NotPublished(f"publish_remote = {wanted.remote!r}: no such remote; there are {names}")
    listed = git.ask("ls-remote", "--heads", wanted.remote, f"refs/heads/{wanted.branch}")
    if listed.code:
        raise NotPublished(
            f"{wanted.remote} does not answer: {listed.error}. Its address, your key or password, "
            "and the key of its host must be known to git: git ls-remote " + wanted.remote
        )
    theirs = listed.out.partition("\t")[0].strip()
    if not theirs:
        return start
    # What is known of the remote here stays as it was.
    git.must(
        "fetch", "--quiet", "--no-tags", "--refmap=", "--no-write-fetch-head", wanted.remote,
        f"refs/heads/{wanted.branch}",
    )
    if not old or git.ask("merge-base", "--is-ancestor", old, theirs).code == 0:
        return theirs
    if git.ask("merge-base", "--is-ancestor", theirs, old).code == 0:
        return start
    raise NotPublished(
        f"{wanted.branch} here and on {wanted.remote} went different ways: bring them together, or "
        "set publish_branch to another name. Nothing is ever forced"
    )


def _refuse_strangers(git: Git, called: Names) -> None:
    """A tree with changes that are not ours: nobody knows whether they belong to it."""
    listed = git.must("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")
    paths = [item[3:] for item in listed.split("\0") if item]
    ours = (called.progress, called.progress.removesuffix(".md") + PROPOSAL)
    strange = [
        path for path in paths if path not in ours and not path.startswith(f"{called.meta}/")
    ]
    if strange:
        more = f" and {len(strange) - _MOST} more" if len(strange) > _MOST else ""
        raise NotPublished(
            f"changes that are not ours: {', '.join(strange[:_MOST])}{more}. Commit or stash them "
            "first"
        )


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
    _refuse_secrets(planned)
    made = []
    for one in planned:
        if _staged(tree, one):
            text = f"{one.message}\n\n{one.body}\n"
            tree.must("commit", "--quiet", "-F", "-", given=text.encode())
            made.append((tree.commit_of("HEAD"), one.message))
    return made, found.kept


def _placed(tree: Git, wanted: ToPublish) -> Placed:
    def content(path: str) -> bytes | None:
        file = tree.folder / path
        return file.read_bytes() if file.is_file() and not file.is_symlink() else None

    record: dict[str, str] = {}
    with suppress(ValueError, TypeError):
        record = json.loads(content(RECORD) or b"{}")
    there = {path: found for path in wanted.rendered if (found := content(path)) is not None}
    return commits.placed(wanted.rendered, there, record)


def _refuse_secrets(planned: Sequence[PlannedCommit]) -> None:
    try:
        found = secrets_in({path: data for one in planned for path, data in one.files.items()})
    except NotScanned as error:
        raise NotPublished(f"could not be looked through for secrets: {error}") from None
    if found:
        listed = "\n  ".join(map(str, found[:20]))
        raise NotPublished(
            f"{len(found)} places look like a secret:\n  {listed}\nTake them out (the value may "
            "have to be changed where it is used), then run this again"
        )


def _staged(tree: Git, one: PlannedCommit) -> bool:
    """Write a commit's files and stage them; return whether they change anything."""
    for path, data in one.files.items():
        file = tree.folder / path
        if file.is_symlink() or not file.resolve().is_relative_to(tree.folder.resolve()):
            raise NotPublished(f"{path} is a link in the repository: a plain file is wanted there")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    # A .gitignore of the user's does not decide over what was asked for.
    tree.must("add", "--force", "--", *one.files)
    return tree.ask("diff", "--cached", "--quiet").code != 0


def _delivered(
    git: Git, wanted: ToPublish, ends: tuple[str, str, str], made: list[tuple[str, str]],
    kept: tuple[str, ...], diff: str,
) -> Published:
    """Push where that is wanted and was seen, and move the branch."""
    start, old, new = ends
    pushed, note = False, ""
    if wanted.remote and new != start:
        if _shown(git) != _tree(git, new):
            _remember(git, new)
            note = (
                f"not pushed to {wanted.remote} yet: the diff above is shown now; the same command "
                "again pushes it"
            )
        else:
            _push(git, wanted, new)
            pushed = True
    if new != old and (made or old):
        # Whoever moved it meanwhile keeps it.
        before = old or "0" * len(new)
        name = f"refs/heads/{wanted.branch}"
        git.must("update-ref", "-m", "xnai publish", name, new, before)
    elif wanted.remote and old and _behind(git, wanted, old) and _shown(git) == _tree(git, old):
        _push(git, wanted, old)
        pushed = True
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
