"""What must hold before anything is committed; each refusal changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from xnai.publish import commits
from xnai.publish.commits import PlannedCommit
from xnai.publish.git import Git, NotPublished
from xnai.publish.request import ToPublish
from xnai.publish.scan import NotScanned, secrets_in
from xnai.reports.documents import Names
from xnai.reports.measurements import FOLDER
from xnai.reports.write import PROPOSAL

_MOST = 5


def start(git: Git, wanted: ToPublish) -> tuple[str, str]:
    """Return the commit to begin from, and the branch's present one (empty: it is new).

    Raises:
        NotPublished: HEAD, the branch, or the remote is in a state that forbids it.
    """
    if git.ask("symbolic-ref", "--quiet", "HEAD").code:
        raise NotPublished("HEAD is detached: git switch to a branch first")
    name = f"refs/heads/{wanted.branch}"
    if git.ask("check-ref-format", name).code:
        raise NotPublished(f"publish_branch = {wanted.branch!r} is no name of a branch")
    if f"branch {name}" in git.must("worktree", "list", "--porcelain").splitlines():
        raise NotPublished(
            f"the branch {wanted.branch} is checked out here, or in another working tree of this "
            "repository, whose files would no longer fit it: set publish_branch to another name, "
            "or git switch there"
        )
    above = [str(one) for one in PurePosixPath(wanted.branch).parents if str(one) != "."]
    clash = [one for one in above if git.commit_of(f"refs/heads/{one}")]
    clash += git.must("for-each-ref", "--format=%(refname:short)", f"{name}/").split()
    if clash:
        raise NotPublished(
            f"publish_branch = {wanted.branch!r} cannot be beside the branch {clash[0]}: set it to "
            "another name"
        )
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


def refuse_strangers(git: Git, called: Names) -> None:
    """Refuse a tree with changes that are not ours: nobody knows whether they belong to it."""
    listed = git.must("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")
    paths = [item[3:] for item in listed.split("\0") if item]
    ours = (called.progress, called.progress.removesuffix(".md") + PROPOSAL)
    strange = [
        path for path in paths
        if path not in ours and not path.startswith((f"{called.meta}/", f"{FOLDER}/"))
    ]
    if strange:
        more = f" and {len(strange) - _MOST} more" if len(strange) > _MOST else ""
        raise NotPublished(
            f"changes that are not ours: {', '.join(strange[:_MOST])}{more}. Commit or stash them "
            "first"
        )


def refuse_others_words(
    tree: Git, here: Git, wanted: ToPublish, planned: Sequence[PlannedCommit]
) -> None:
    """Refuse pages that somebody changed on the branch, whose words this tree does not have."""
    start = tree.commit_of("HEAD")
    if here.ask("merge-base", "--is-ancestor", start, "HEAD").code == 0:
        return
    for one in planned:
        for path in (path for path in one.files if path.endswith(".md")):
            last = tree.ask("log", "-1", "--format=%h %s", "HEAD", "--", path).out.strip()
            commit, _, subject = last.partition(" ")
            ours = {planned_one.message for planned_one in planned} | set(commits.MESSAGES)
            now = tree.ask("cat-file", "blob", f"HEAD:{path}").data
            if last and subject not in ours and now != one.files[path]:
                raise NotPublished(
                    f"{path} was changed on {wanted.branch} by somebody else ({commit} {subject}): "
                    f"git merge {wanted.branch} first, so that those words are in your tree too"
                )


def refuse_secrets(planned: Sequence[PlannedCommit]) -> None:
    """Refuse what looks like a secret, by its place."""
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
