"""Texts that are read together are judged as if each were read alone."""

from __future__ import annotations

import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnai.audit import shell_syntax
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


def test_a_long_script_is_asked_about_in_parts_and_keeps_its_lines(tree, tmp_path):
    from xnai.audit.answer_cache import AnswerCache
    from xnai.audit.shellcheck import shellcheck

    body = "".join(f"f{n}() {{\n  echo {n} $1\n}}\nf{n} a\n" for n in range(6_000))
    text = f"#!/bin/sh\n{body}rm -rf \"$A/$B\"\n"
    found = list(shellcheck(tree({"run.sh": text}), AnswerCache(False)))
    assert len(text) > 128 * 1024
    quotes = [one.line for one in found if one.rule == "shellcheck:SC2086"]
    assert quotes == [3 + 4 * n for n in range(6_000)]
    assert {one.rule for one in found} == {"shellcheck:SC2086", "shellcheck:SC2115"}
    assert [one.line for one in found if one.rule == "shellcheck:SC2115"] == [24_002]


def test_many_mistakes_take_few_processes(monkeypatch):
    calls = []
    real = shell_syntax.syntax_error
    monkeypatch.setattr(shell_syntax, "syntax_error",
                        lambda bash, text: (calls.append(1), real(bash, text))[1])
    texts = [f"echo '{n}'" for n in range(2_000)]
    for n in range(0, 2_000, 400):
        texts[n] = f"if [ {n} ]; then"
    assert set(syntax_errors(BASH, texts)) == set(range(0, 2_000, 400))
    # One for all of each 400 that are read together, and two for the mistake in them.
    assert len(calls) == 3 * 5


WRONG = {text for text in BAD if syntax_error(BASH, text)}


@settings(max_examples=20, deadline=None)
@given(st.permutations([*GOOD, *BAD]))
def test_in_any_order_each_is_judged_as_if_alone(texts):
    assert {texts[number] for number in syntax_errors(BASH, texts)} == WRONG
