"""The command as people and machines use it: forms, exit codes, baseline, fixes, suppression."""

from __future__ import annotations

import json
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from xnai.audit.rules import all_rules
from xnai.cli.command import main

HERE = Path(__file__).parent
BAD = ".PHONY: all\nall:\n\techo <b>|`$(X_HOST)`\n\tkillall python\n"


def run(*words: object):
    return CliRunner().invoke(main, ["audit", *map(str, words)])


@pytest.fixture
def bad(tmp_path):
    (tmp_path / "t").mkdir()
    (tmp_path / "t/Makefile").write_text(BAD)
    return tmp_path / "t"


def test_exit_codes(bad, tmp_path):
    assert run(bad, "--no-tools").exit_code == 1
    assert run(bad, "--no-tools", "--fail-on", "error").exit_code == 0
    assert run(bad, "--no-tools", "--fail-on", "info").exit_code == 1
    (bad / "Makefile").write_bytes(b"\0")
    assert run(bad, "--no-tools").exit_code == 2
    for words in ([], [bad, "--host", "x"], [bad / "Makefile"], [tmp_path / "nowhere"]):
        assert run(*words).exit_code == 2


def test_errors_say_what_and_what_to_do(bad):
    said = run(bad / "Makefile").output
    assert "PATH must be a directory" in said and "is a file" in said and "do: " in said
    (bad / "b.json").write_text("[]")
    said = run(bad, "--baseline", bad / "b.json").output
    assert "b.json is no baseline" in said and "--write-baseline" in said


def test_json(bad):
    found = json.loads(run(bad, "--no-tools", "--json").output)
    (one,) = [f for f in found["findings"] if f["rule"] == "make_dangerous_command"]
    assert (one["path"], one["line"], one["severity"]) == ("Makefile", 4, "warning")
    assert one["what"] and one["remedy"]
    assert found["command"].startswith("xnai audit ")
    assert found["results"]["make_dangerous_command"] == "fail"
    assert found["results"]["docker_no_user"] == "pass"
    assert all(table["command"] == found["command"] for table in found["metrics"])


def test_sarif(bad):
    (bad / "Makefile").write_text(
        BAD.replace("\tkill", "\t# xnai: ignore make_dangerous_command: own machine\n\tkill")
        + "\tkillall sh\n"
    )
    (bad / "Dockerfile").write_bytes(b"\0")
    log = json.loads(run(bad, "--no-tools", "--format", "sarif").output)
    assert log["version"] == "2.1.0"
    (one,) = log["runs"]
    rules = one["tool"]["driver"]["rules"]
    assert {rule["id"] for rule in rules} >= {rule.id for rule in all_rules()}
    for result in one["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in {"error", "warning", "note"}
        (place,) = result["locations"]
        assert place["physicalLocation"]["region"]["startLine"] >= 1
        assert place["physicalLocation"]["artifactLocation"] == {
            "uri": "Makefile", "uriBaseId": "ROOT"}
    suppressed = [r for r in one["results"] if "suppressions" in r]
    assert [r["suppressions"][0]["justification"] for r in suppressed] == ["own machine"]
    assert one["invocations"][0]["executionSuccessful"] is False


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in {"meta"}:
            self.open.append(tag)
        self.loads += [f"{tag} {name}" for name, _ in attrs if name in {"src", "href", "action"}]
        assert tag not in {"script", "b"}

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_html_is_one_page_that_loads_nothing(bad):
    text = run(bad, "--no-tools", "--format", "html").output
    page = Page()
    page.feed(text)
    assert page.open == [] and page.loads == []
    assert "default-src &#x27;none&#x27;" in text or "default-src 'none'" in text
    assert "url(" not in text and "@import" not in text


def test_markdown_rows_stay_rows(bad):
    text = run(bad, "--no-tools", "--format", "markdown").output
    rows = [line for line in text.splitlines() if line.startswith("| warning")]
    assert rows and all(row.replace("\\|", "").count("|") == 6 for row in rows)


def test_terminal_shows_no_control_characters(bad):
    (bad / "Makefile").write_text(".PHONY: all\nall:\n\tkillall \x1b[31mred\n")
    assert "\x1b" not in run(bad, "--no-tools").output


def test_output_file(bad, tmp_path):
    assert run(bad, "--no-tools", "--output", tmp_path / "r.md", "--format", "markdown").exit_code
    assert (tmp_path / "r.md").read_text().startswith("# Audit of")
    assert run(bad, "--no-tools", "--output", tmp_path / "no/where").exit_code == 2


def test_a_baseline_reports_only_what_is_new(bad, tmp_path):
    known = tmp_path / "known.json"
    assert run(bad, "--no-tools", "--write-baseline", known).exit_code == 0
    assert run(bad, "--no-tools", "--baseline", known).exit_code == 0
    # Lines above do not matter, a second one of the same kind does.
    (bad / "Makefile").write_text("# more\n\n" + BAD)
    assert run(bad, "--no-tools", "--baseline", known).exit_code == 0
    (bad / "Makefile").write_text(BAD + "\tkillall python\n")
    found = json.loads(run(bad, "--no-tools", "--baseline", known, "--json").output)
    assert [one["line"] for one in found["findings"]] == [5]
    assert found["known"] == 2


def test_a_baseline_can_be_read_by_a_person(bad, tmp_path):
    known = tmp_path / "known.json"
    run(bad, "--no-tools", "--write-baseline", known)
    data = json.loads(known.read_text())
    one = next(one for one in data["findings"] if one["rule"] == "make_dangerous_command")
    assert (one["file"], one["text"], one["severity"]) == (
        "Makefile", "killall python", "warning")
    assert data["not_answered"] == []
    # One of the format of before is still read.
    old = {"format": "xnai-audit-baseline-1",
           "fingerprints": [one["fingerprint"] for one in data["findings"]]}
    known.write_text(json.dumps(old))
    assert run(bad, "--no-tools", "--baseline", known).exit_code == 0


def test_a_baseline_says_which_tool_did_not_answer(bad, tmp_path, monkeypatch):
    from xnai.audit import tool_answers

    known = tmp_path / "known.json"
    find = tool_answers.find
    with monkeypatch.context() as patch:
        patch.setattr(tool_answers, "find",
                      lambda name: None if name == "shellcheck" else find(name))
        done = run(bad, "--write-baseline", known)
    assert "without shellcheck: shellcheck is not installed" in done.output
    assert [one["what"] for one in json.loads(known.read_text())["not_answered"]] == ["shellcheck"]
    found = json.loads(run(bad, "--baseline", known, "--json").output)
    assert "the baseline was written without shellcheck" in found["notes"][0]


def test_sarif_has_fingerprints_that_outlive_a_move(bad):
    def names() -> dict[str, str]:
        log = json.loads(run(bad, "--no-tools", "--format", "sarif").output)
        return {one["message"]["text"]: one["partialFingerprints"]["xnaiAuditLine/v1"]
                for one in log["runs"][0]["results"]}

    before = names()
    (bad / "Makefile").write_text("# more\n\n" + BAD)
    assert names() == before and len(set(before.values())) == len(before)


def test_html_can_be_filtered_without_a_script(bad):
    text = run(bad, "--no-tools", "--format", "html").output
    for name in ("error", "warning", "info", "r0", "r1", "f0", "f1"):
        assert f'id="{name}"' in text
    assert "body:has(#r1:checked)" in text and "body:has(#f1:checked)" in text
    assert "<pre>\tkillall python</pre>" in text or "killall python</pre>" in text


FIXABLE = {
    "Makefile": "all: test\n.PHONY: all\ntest:\n\tpytest\n\tlint: test\n\truff check\n",
    "Dockerfile": "FROM docker.io/library/debian:13-slim\nRUN pip install a>=1.0 'b<2' c<3\n",
    "compose.yml": "services:\n  a:\n    image: docker.io/library/nginx:1.27\n    volumes:\n"
                   "      - d:/d,ro\nvolumes: {d: {}}\n",
}


def test_the_fix_preview_is_a_diff_that_applies_and_mends(bad):
    for name, text in FIXABLE.items():
        (bad / name).write_text(text)
    diff = run(bad, "--no-tools", "--fix-preview").output
    assert [line for line in diff.splitlines() if line.startswith("+")] == [
        "+++ b/Dockerfile", "+RUN pip install \"a>=1.0\" 'b<2' \"c<3\"",
        "+++ b/Makefile", "+.PHONY: test", "+lint: test",
        "+++ b/compose.yml", "+      - d:/d:ro",
    ]
    assert (bad / "Makefile").read_text() == FIXABLE["Makefile"]
    if shutil.which("patch"):
        subprocess.run(["patch", "-p1"], cwd=bad, input=diff, text=True, check=True,
                       capture_output=True)
        left = json.loads(run(bad, "--no-tools", "--json").output)["findings"]
        assert {one["rule"] for one in left} <= {"make_should_be_phony"}


def test_a_suppression_needs_the_rule_and_a_reason(bad):
    for comment, exit_code in (
        ("make_dangerous_command: my own machine", 0),
        ("make_dangerous_command", 1),
        ("docker_no_user: another rule", 1),
        ("docker_no_user,make_dangerous_command: my own machine", 0),
    ):
        (bad / "Makefile").write_text(
            f".PHONY: all\nall:\n\t# xnai: ignore {comment}\n\tkillall python\n"
        )
        assert run(bad, "--no-tools").exit_code == exit_code, comment


def test_other_tools_keep_their_ids_and_lines(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM docker.io/library/debian\nUSER 1000\n")
    (tmp_path / "compose.yml").write_text(
        "services:\n  a:\n    image: docker.io/library/nginx:latest\n    bogus: 1\n"
        "    privileged: true\n"
    )
    (tmp_path / "Makefile").write_text(
        ".PHONY: all\nall:\n\techo fine\n\tcd /x; rm $$undefined_dir/a \\\n\t    $$two\n"
    )
    (tmp_path / "run.sh").write_text("#!/bin/sh\ncd $1\n")
    found = json.loads(run(tmp_path, "--json").output)
    places = {(one["rule"], one["path"], one["line"]) for one in found["findings"]}
    assert places >= {
        ("hadolint:DL3006", "Dockerfile", 1), ("compose-lint:CL-0004", "compose.yml", 3),
        ("compose-lint:CL-0002", "compose.yml", 5), ("shellcheck:SC2086", "Makefile", 4),
        ("shellcheck:SC2086", "Makefile", 5), ("shellcheck:SC2164", "run.sh", 2),
    }
    assert "schema" in {one["rule"] for one in found["findings"]}
    assert not found["unknown"]


def test_times_are_those_of_each_target_alone(tree, tmp_path):
    slow = "$(foreach a,1 2 3 4 5 6 7 8 9,$(foreach b,$(N),$(foreach c,$(N),$(foreach d,$(N),x))))"
    tree({"Makefile": f"N := {' '.join(map(str, range(45)))}\n"
                      f".PHONY: quick slow\nquick:\n\techo\nslow:\n\t: {slow}\n"})
    done = CliRunner().invoke(main, ["audit", str(tmp_path), "--no-tools", "--json", "--times"])
    found = json.loads(done.output)
    table = next(one for one in found["metrics"] if one["title"].startswith("Time of each target"))
    assert [row[:2] for row in table["rows"]] == [["Makefile", "slow"], ["Makefile", "quick"]]
    assert int(table["rows"][0][2]) > int(table["rows"][1][2])
    assert "--times" in found["command"]
    without = json.loads(CliRunner().invoke(
        main, ["audit", str(tmp_path), "--no-tools", "--json"]).output)
    assert not [one for one in without["metrics"] if one["title"].startswith("Time of each")]
