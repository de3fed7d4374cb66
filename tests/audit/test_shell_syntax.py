"""Texts that are read together are judged as if each were read alone."""

from __future__ import annotations

import shutil

import pytest

from xnai.audit.shell_syntax import syntax_error, syntax_errors

BASH = shutil.which("bash") or ""
GOOD = ["echo 'a' \"b\"", "if true; then echo; fi", "for x in a; do echo $x; done", "(a; b)",
        "cat <<E\nx\nE", "case a in a) b;; esac", "a && b || c", "echo \"$(echo \"x\")\"",
        "x=$(ls | wc -l); echo $((x + 1))", "echo it\\'s", "[ -f a ] || { echo b; exit 1; }"]
BAD = ["if true; then", "fi", "echo \"a", "b\"", "echo $(ls", "echo )", "(", ")", "a &&",
       "for x in", "done", "case a in", "esac", "cat <<E", "}; evil; {", "echo `a", "a\\",
       "# (", "'", "{ a;", ") ; ("]


@pytest.mark.parametrize("bad", BAD)
def test_a_mistake_among_good_ones_is_found(bad):
    alone = bool(syntax_error(BASH, bad))
    texts = [*GOOD, bad, *GOOD]
    assert set(syntax_errors(BASH, texts)) == ({len(GOOD)} if alone else set())


def test_mistakes_do_not_mend_each_other():
    wrong = {number for number, text in enumerate(BAD) if syntax_error(BASH, text)}
    assert set(syntax_errors(BASH, BAD)) == wrong
    assert len(wrong) > 10
