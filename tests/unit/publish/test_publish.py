"""Publishing into real repositories: what is committed, what is refused, and nothing lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "reports"))

from report_runs import commit, git, repository

from xnai.publish import commits
from xnai.publish.commits import MESSAGES, RECORD, placed
from xnai.publish.git import NotPublished
from xnai.publish.publish import ToPublish, files_of, publish
from xnai.reports.documents import Names
from xnai.reports.render import wanted as changes
from xnai.reports.write import write

WANTED = ToPublish(
    branch="xnai/reports", remote="", called=Names(),
    rendered={"Dockerfile.base": b"FROM x\n", "docker-compose.yml": b"services: {}\n"},
    images={"base": "localhost/xnai_base:1"}, version="1",
)


@pytest.fixture
def omega(tmp_path, monkeypatch):
    """A checkout with reports that are not committed, its owner's identity, and a bare remote."""
    config = tmp_path / "gitconfig"
    config.write_text("[user]\n\tname = Anna\n\temail = anna@example.org\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    folder = repository(tmp_path)
    for change in changes(folder, Names())[0]:
        write(folder, [change])
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "bare.git")], check=True)
    git(folder, "remote", "add", "origin", str(tmp_path / "bare.git"))
    return folder


def state(folder):
    """All that publishing must leave alone: branches, index, working tree, stash, worktrees."""
    return (
        git(folder, "for-each-ref"), git(folder, "status", "--porcelain=v1", "-uall"),
        git(folder, "stash", "list"), git(folder, "rev-parse", "HEAD"),
        (folder / ".git/index").read_bytes(), git(folder, "worktree", "list"),
    )


def refused(folder, wanted=WANTED):
    """Why it is refused; nothing has changed by it."""
    before = state(folder)
    with pytest.raises(NotPublished) as error:
        publish(folder, wanted)
    assert state(folder) == before
    return str(error.value)


def log(folder, branch="xnai/reports"):
    return git(folder, "log", "--format=%s", branch).splitlines()


def test_four_commits_on_a_branch_of_their_own(omega):
    before = state(omega)
    done = publish(omega, WANTED)
    assert [message for _, message in done.commits] == list(MESSAGES)
    assert log(omega) == [*reversed(MESSAGES), "all"]
    after = state(omega)
    assert after[1:] == before[1:]  # all but the branch
    assert not done.pushed and "+FROM x" in done.diff
    assert git(omega, "show", "xnai/reports:Dockerfile.base") == "FROM x\n"
    body = git(omega, "log", "-1", "--format=%b%an", "xnai/reports")
    assert "Rendered by xnai 1." in body and "Anna" in body
    assert "localhost/xnai_base:1" in git(omega, "log", "-1", "--format=%b", "xnai/reports~3")
    # Nothing new, no commit.
    assert publish(omega, WANTED).commits == ()
    assert state(omega) == after


def test_a_dry_run_shows_and_leaves_no_branch(omega):
    before = state(omega)
    done = publish(omega, replace(WANTED, is_dry=True))
    assert len(done.commits) == 4 and "+## Phase 5: zram" in done.diff
    assert state(omega) == before


def test_it_is_pushed_once_the_diff_was_shown(omega, tmp_path):
    there = replace(WANTED, remote="origin")
    first = publish(omega, there)
    assert not first.pushed and "not pushed to origin yet" in first.note
    assert git(tmp_path / "bare.git", "for-each-ref") == ""
    second = publish(omega, there)
    assert second.pushed
    tip = git(omega, "rev-parse", "xnai/reports")
    assert git(tmp_path / "bare.git", "rev-parse", "xnai/reports") == tip
    assert not publish(omega, there).pushed
    # A dry run has shown it as well.
    (omega / "memory_bank/progress.md").write_text("# Progress\n\nMore.\n")
    publish(omega, replace(there, is_dry=True))
    assert publish(omega, there).pushed


def test_a_file_of_a_persons_own_is_never_replaced(omega):
    (omega / "Dockerfile.base").write_text("FROM mine\n")
    git(omega, "add", "-A", "Dockerfile.base")
    commit(omega, "mine")
    done = publish(omega, WANTED)
    assert done.kept == ("Dockerfile.base",)
    assert git(omega, "show", "xnai/reports:Dockerfile.base") == "FROM mine\n"
    assert git(omega, "show", "xnai/reports:Dockerfile.base.xnai") == "FROM x\n"
    # Ours, and not changed since: replaced.
    newer = replace(WANTED, rendered=dict(WANTED.rendered) | {"docker-compose.yml": b"x: 1\n"})
    publish(omega, newer)
    assert git(omega, "show", "xnai/reports:docker-compose.yml") == "x: 1\n"


@pytest.mark.parametrize(
    ("now", "record", "path"),
    [(None, "", "D"), (b"new", "", "D"), (b"old", "sum", "D"), (b"mine", "sum", "D.xnai"),
     (b"mine", "", "D.xnai")],
)
def test_where_a_rendered_file_goes(now, record, path):
    wrote = {"D": commits._sum(b"old")} if record else {}
    found = placed({"D": b"new"}, {} if now is None else {"D": now}, wrote)
    assert set(found.files) == {path, RECORD}
    assert ("D" in json.loads(found.files[RECORD])) == (path == "D")


def test_a_dirty_tree_that_is_not_its_own(omega):
    (omega / "app.py").write_text("x = 1\n")
    assert refused(omega).startswith("changes that are not ours: app.py. Commit or stash")


def test_a_secret_is_named_by_place_and_never_by_value(omega):
    page = omega / "memory_bank/progress.md"
    page.write_text(page.read_text() + "\nThe admin password is Tr0ub4dor3x, change it.\n")
    said = refused(omega)
    line = len(page.read_text().splitlines())
    assert f"memory_bank/progress.md:{line}: a password in a sentence" in said
    assert "Tr0ub4dor3x" not in said


def test_a_detached_head_and_no_commit(omega, tmp_path):
    git(omega, "switch", "-q", "--detach")
    assert "HEAD is detached" in refused(omega)
    empty = tmp_path / "empty"
    subprocess.run(["git", "init", "-q", str(empty)], check=True)
    with pytest.raises(NotPublished, match="there is no commit yet"):
        publish(empty, WANTED)
    with pytest.raises(NotPublished, match="not the top of a git checkout"):
        publish(tmp_path, WANTED)


def test_the_branch_that_is_checked_out(omega):
    assert "is checked out here" in refused(omega, replace(WANTED, branch="main"))


def test_something_unfinished(omega):
    (omega / ".git/MERGE_HEAD").write_text(git(omega, "rev-parse", "HEAD"))
    assert "unfinished here (MERGE_HEAD)" in refused(omega)


def test_a_remote_that_is_not_there_and_one_that_does_not_answer(omega, tmp_path):
    said = refused(omega, replace(WANTED, remote="upstream"))
    assert "no such remote; there are origin" in said
    git(omega, "remote", "set-url", "origin", str(tmp_path / "nothing.git"))
    assert "origin does not answer" in refused(omega, replace(WANTED, remote="origin"))


def test_branches_that_went_different_ways(omega, tmp_path):
    there = replace(WANTED, remote="origin")
    publish(omega, there)
    publish(omega, there)
    other = tmp_path / "other"
    git(tmp_path, "clone", "-q", "-b", "xnai/reports", str(tmp_path / "bare.git"), str(other))
    commit(other, "theirs")
    git(other, "push", "-q", "origin", "HEAD")
    # Theirs alone is ahead: it is gone on from.
    (omega / "memory_bank/progress.md").write_text("# Progress\n\nMore.\n")
    publish(omega, there)
    assert "theirs" in log(omega)
    # Now both are.
    commit(other, "theirs again")
    git(other, "push", "-q", "origin", "HEAD")
    (omega / "memory_bank/progress.md").write_text("# Progress\n\nStill more.\n")
    assert "went different ways" in refused(omega, there)


def test_a_remote_that_refuses_the_branch(omega, tmp_path):
    there = replace(WANTED, remote="origin")
    publish(omega, replace(there, is_dry=True))
    hook = tmp_path / "bare.git/hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho 'this branch is protected' >&2\nexit 1\n")
    hook.chmod(0o755)
    before = state(omega)
    said = refused(omega, there)
    assert "origin did not take it" in said
    assert state(omega) == before


def test_a_hook_that_fails_and_one_that_passes(omega):
    hook = omega / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\necho 'no trailing blanks here' >&2\nexit 1\n")
    hook.chmod(0o755)
    assert "no trailing blanks here" in refused(omega)
    hook.write_text("#!/bin/sh\nexit 0\n")
    assert len(publish(omega, WANTED).commits) == 4


def test_an_unknown_host_key_is_not_asked_for(omega, monkeypatch, tmp_path):
    program = tmp_path / "ssh"
    program.write_text(
        '#!/bin/sh\ncase "$*" in *BatchMode=yes*) echo "Host key verification failed." >&2; '
        "exit 255 ;; esac\nsleep 600\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(program))
    git(omega, "remote", "set-url", "origin", "anna@git.example.org:omega.git")
    said = refused(omega, replace(WANTED, remote="origin"))
    assert "Host key verification failed" in said and "git ls-remote origin" in said


def test_killed_midway_and_run_again_is_the_same_end(omega):
    # Of a process that is gone: no PID is that high.
    left = omega.parent / f"xnai-publish-{2**22 + 1}-abc/tree"
    git(omega, "worktree", "add", "-q", "--detach", str(left))
    # Somebody's own, on a disk that is away at the moment.
    away = omega.parent / "away"
    git(omega, "worktree", "add", "-q", "--detach", str(away))
    away.rename(omega.parent / "unplugged")
    assert len(publish(omega, WANTED).commits) == 4
    assert log(omega) == [*reversed(MESSAGES), "all"]
    assert "xnai-publish" not in git(omega, "worktree", "list")
    assert not left.parent.exists()
    (omega.parent / "unplugged").rename(away)
    assert git(away, "status", "--porcelain") == ""


def test_a_branch_that_another_working_tree_has(omega, tmp_path):
    publish(omega, WANTED)
    git(omega, "worktree", "add", "-q", str(tmp_path / "look"), "xnai/reports")
    assert "in another working tree" in refused(omega)
    git(omega, "worktree", "remove", str(tmp_path / "look"))
    git(omega, "tag", "xnai/reports")
    git(omega, "switch", "-q", "--no-guess", "-c", "mine")
    assert publish(omega, WANTED).commits == ()


def test_a_branch_whose_name_is_a_folder_of_another(omega):
    git(omega, "branch", "xnai")
    assert "cannot be beside the branch xnai" in refused(omega, replace(WANTED, is_dry=True))
    git(omega, "branch", "-D", "xnai")
    git(omega, "branch", "xnai/reports/more")
    assert "cannot be beside the branch xnai/reports/more" in refused(omega)


def test_line_ends_of_a_checkout_make_no_file_a_persons(omega):
    git(omega, "config", "core.autocrlf", "true")
    publish(omega, WANTED)
    done = publish(omega, replace(WANTED, rendered={"Dockerfile.base": b"FROM y\n"}))
    assert done.kept == ()
    assert git(omega, "show", "xnai/reports:Dockerfile.base") == "FROM y\n"


def test_what_is_behind_a_link_is_not_published(omega, tmp_path):
    (tmp_path / "diary.json").write_text("{}")
    file = omega / "_meta/xnai/audit/2026-12-02T090000Z.json"
    file.symlink_to(tmp_path / "diary.json")
    assert "a link, or behind one" in refused(omega)


def test_a_key_of_the_repositorys_own(omega, tmp_path):
    program = tmp_path / "my-ssh"
    program.write_text("#!/bin/sh\necho asked > " + str(tmp_path / "asked") + "\nexit 255\n")
    program.chmod(0o755)
    git(omega, "config", "core.sshCommand", str(program))
    git(omega, "remote", "set-url", "origin", "anna@git.example.org:omega.git")
    refused(omega, replace(WANTED, remote="origin"))
    assert (tmp_path / "asked").exists()


def test_variables_lead_it_nowhere_else(omega, monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "bare.git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    done = publish(omega, WANTED)
    for name in ("GIT_DIR", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name)
    assert len(done.commits) == 4 and log(omega)[0] == MESSAGES[3]
    assert not (tmp_path / "index").exists()


def test_a_link_in_the_place_of_a_page(omega, tmp_path):
    page = omega / "_meta/CLAUDE-SONNET-RESEARCH-REQUEST-PHASE-5.md"
    text = page.read_text()
    page.unlink()
    page.symlink_to(tmp_path / "elsewhere")
    git(omega, "add", "-A")
    commit(omega, "a link")
    page.unlink()
    page.write_text(text)
    assert "is a link in the repository" in refused(omega)
    assert not (tmp_path / "elsewhere").exists()


def test_what_is_looked_through_is_what_is_committed(omega):
    looked = files_of(omega, WANTED)
    publish(omega, WANTED)
    listed = git(omega, "diff", "--name-only", "main", "xnai/reports").split()
    assert set(listed) - {RECORD} <= set(looked)
    assert os.environ["GIT_CONFIG_GLOBAL"]


def test_words_of_a_reviewer_on_the_branch_are_not_written_over(omega, tmp_path):
    publish(omega, WANTED)
    look = tmp_path / "look"
    git(omega, "worktree", "add", "-q", str(look), "xnai/reports")
    page = look / "memory_bank/progress.md"
    page.write_text(page.read_text() + "\nA reviewer's sentence.\n")
    git(look, "commit", "-q", "-am", "a word of mine")
    git(omega, "worktree", "remove", str(look))
    said = refused(omega)
    assert "memory_bank/progress.md was changed on xnai/reports by somebody else" in said
    assert "a word of mine" in said and "git merge xnai/reports first" in said
    # In the tree as well, it is gone on from.
    git(omega, "stash", "-q", "-u")
    git(omega, "merge", "-q", "xnai/reports")
    git(omega, "stash", "drop", "-q")
    publish(omega, WANTED)
    assert "A reviewer's sentence." in git(omega, "show", "xnai/reports:memory_bank/progress.md")


def test_a_proposal_that_nothing_calls_for_any_more_leaves_the_branch(omega, tmp_path):
    beside = omega / "memory_bank/progress.xnai-proposal.md"
    beside.write_text("# What would stand there\n")
    (omega / "Dockerfile.base").write_text("FROM mine\n")
    git(omega, "add", "-A", "Dockerfile.base")
    commit(omega, "mine")
    publish(omega, WANTED)
    ours = {"memory_bank/progress.xnai-proposal.md", "Dockerfile.base.xnai"}
    assert ours <= set(git(omega, "ls-tree", "-r", "--name-only", "xnai/reports").split())
    # The page is taken over, and the file of one's own is given up on the branch.
    beside.unlink()
    look = tmp_path / "look"
    git(omega, "worktree", "add", "-q", str(look), "xnai/reports")
    git(look, "rm", "-q", "Dockerfile.base")
    commit(look, "given up")
    git(omega, "worktree", "remove", str(look))
    publish(omega, WANTED)
    names = set(git(omega, "ls-tree", "-r", "--name-only", "xnai/reports").split())
    assert "Dockerfile.base" in names and not ours & names
    assert publish(omega, WANTED).commits == ()


def test_a_sparse_checkout(omega):
    git(omega, "stash", "-q", "-u")
    git(omega, "sparse-checkout", "set", "--no-cone", "/Makefile")
    git(omega, "stash", "pop", "-q")
    assert len(publish(omega, WANTED).commits) == 4


def test_a_checkout_of_another_user_is_said_to_be_one(omega, monkeypatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setattr("xnai.publish.git._KEPT", ("GIT_CONFIG_GLOBAL", "GIT_TEST_"))
    with pytest.raises(NotPublished, match=r"is another user's.*safe.directory"):
        publish(omega, WANTED)
