"""Rendering: nothing is left open, and every file says whose it is."""

from __future__ import annotations

import jinja2
import pytest

from xnai.templating import render


@pytest.fixture
def templates(tmp_path, monkeypatch):
    monkeypatch.setattr(render, "TEMPLATES", tmp_path)
    render._environment.cache_clear()
    yield tmp_path
    render._environment.cache_clear()


def test_values_are_filled_in_and_the_last_newline_stays(templates):
    (templates / "x.j2").write_text(
        "# Managed by xnai\n{% if a %}\n  a = {{ a }}\n{% endif %}\n<&>\n"
    )
    assert render.render("x.j2", a="<b>") == "# Managed by xnai\n  a = <b>\n<&>\n"


def test_the_header_may_follow_an_interpreters_line(templates):
    (templates / "x.j2").write_text("#!/bin/sh\n# Managed by xnai: what for.\n")
    assert render.render("x.j2").startswith("#!/bin/sh\n")


@pytest.mark.parametrize("text", ["", "x\n", "one\ntwo\n# Managed by xnai\n"])
def test_a_missing_header_is_refused(templates, text):
    (templates / "x.j2").write_text(text)
    with pytest.raises(ValueError, match=r"templates/x.j2: must begin with '# Managed by xnai'"):
        render.render("x.j2")


def test_an_undefined_name_is_refused(templates):
    (templates / "x.j2").write_text("# Managed by xnai\n{% if a %}{% endif %}\n")
    with pytest.raises(jinja2.UndefinedError, match="'a' is undefined"):
        render.render("x.j2")


def test_a_missing_template(templates):
    with pytest.raises(jinja2.TemplateNotFound):
        render.render("no/such.j2")
