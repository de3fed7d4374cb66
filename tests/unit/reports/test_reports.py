"""Reports: from what was measured alone, each number with its source, nobody's words lost."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from report_runs import AUDITED, JUDGED, git, repository

from xnai.cli.command import main
from xnai.reports import measure, request
from xnai.reports.documents import Names, build_report, documents
from xnai.reports.measurements import read
from xnai.reports.regions import BrokenPage, Region, digest, found, updated
from xnai.reports.write import PROPOSAL, NotWritten, changes, write

PAGES = {
    "memory_bank/progress.md", "_meta/BUILD-DEPLOYMENT-REPORT-2026-11-30.md",
    "_meta/CLAUDE-SONNET-RESEARCH-REQUEST-PHASE-5.md",
}


@pytest.fixture
def omega(tmp_path):
    return repository(tmp_path)


def rendered(folder):
    return changes(folder, documents(folder, Names(), read(folder)))


def texts(folder):
    return {path: (folder / path).read_text() for path in sorted(PAGES)}


def test_the_pages_and_their_sections(omega):
    write(omega, rendered(omega))
    report = (omega / "_meta/BUILD-DEPLOYMENT-REPORT-2026-11-30.md").read_text()
    for title in ("Incident Investigation Results", "Build System Audit Findings",
                  "Memory Optimization Baseline"):
        assert f"\n## Phase 5 - {title}\n" in report
    assert "its volume belongs to another user" in report
    assert "| targets | 12 |" in report and "not judged: no --ram-mib" in report
    assert "**Compared with the run before**" in report
    progress = (omega / "memory_bank/progress.md").read_text()
    assert "at most 1024 MiB were in it, 12 % of its size." in progress
    assert "(1 error, 0 warning, 0 info)" in progress


def test_a_second_time_nothing_is_written_and_the_bytes_are_the_same(omega):
    write(omega, rendered(omega))
    before = texts(omega)
    assert rendered(omega) == []
    for path in PAGES:
        (omega / path).unlink()
    write(omega, rendered(omega))
    assert texts(omega) == before


def test_every_number_has_a_source_that_is_there(omega):
    write(omega, rendered(omega))
    for path, text in texts(omega).items():
        for region, (_, _, _, inside) in found(text).items():
            links = re.findall(r"\]\(([^)]+)\)", inside)
            for link in links:
                assert ((omega / path).parent / link).exists(), (path, link)
            if re.search(r"\| \d", inside) and region != "industry":
                assert "Source: [" in inside, (path, region)


@pytest.mark.parametrize(
    ("gone", "regions"),
    [
        ("baselines", {"zram", "metrics", "memory", "zram-and-memory", "next"}),
        ("triage", {"issues", "incidents", "build", "next"}),
        ("audit", {"issues", "build-system", "build", "next"}),
    ],
)
def test_what_is_not_measured_is_missing_just_there(omega, gone, regions):
    def missing():
        return {
            region for text in texts(omega).values()
            for region, (_, _, _, inside) in found(text).items() if "**Missing:**" in inside
        }

    write(omega, rendered(omega))
    # How long builds take is measured by nothing here.
    assert missing() == {"build-system"}
    for file in sorted((omega / "_meta/xnai" / gone).rglob("*.json")):
        file.unlink()
    write(omega, rendered(omega))
    assert missing() == regions | {"build-system"}


def test_what_cannot_be_read_is_told(omega):
    file = omega / "_meta/xnai/triage/host-1/2026-11-30T090000Z.json"
    file.write_text("{")
    write(omega, rendered(omega))
    progress = (omega / "memory_bank/progress.md").read_text()
    assert "Could not be read:" in progress and "2026-11-30T090000Z.json" in progress


def test_what_a_person_wrote_stays(omega):
    write(omega, rendered(omega))
    page = omega / "memory_bank/progress.md"
    text = page.read_text().replace("# Progress\n", "# My progress\n\nA note of mine.\n", 1)
    text = text.replace("host-1: at most 1024 MiB", "mine: nearly nothing", 1)
    page.write_text(text)
    # What we would write there has not changed: the person's words stay, ours lie beside.
    (change,) = rendered(omega)
    assert change.path == "memory_bank/progress" + PROPOSAL and change.kept == ("zram",)
    write(omega, [change])
    assert page.read_text() == text
    assert "at most 1024 MiB" in (omega / change.path).read_text()
    assert rendered(omega) == []
    # Taken over by the person, it is ours again, and the proposal goes.
    page.write_text(text.replace("mine: nearly nothing", "host-1: at most 1024 MiB"))
    (change,) = rendered(omega)
    assert change.after == ""
    write(omega, [change])
    assert not (omega / change.path).exists()


def test_an_older_build_report_is_gone_on_with(omega):
    (omega / "_meta/BUILD-DEPLOYMENT-REPORT-2026-10-01.md").write_text("# Mine\n\nOf old.\n")
    assert build_report(omega, Names(), read(omega)) == (
        "_meta/BUILD-DEPLOYMENT-REPORT-2026-10-01.md"
    )
    write(omega, rendered(omega))
    text = (omega / "_meta/BUILD-DEPLOYMENT-REPORT-2026-10-01.md").read_text()
    assert text.startswith("# Mine\n\nOf old.\n\n## Phase 5 - Incident")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<!-- xnai:begin zram 0123456789abcdef -->\nx\n", "line 1: the region zram has no line"),
        ("<!-- xnai:begin a 0123456789abcdef -->\n<!-- xnai:end a -->\n" * 2, "stands there twice"),
    ],
)
def test_a_broken_region_is_named_with_its_line(omega, text, said):
    with pytest.raises(BrokenPage, match=said):
        found(text)
    (omega / "memory_bank").mkdir()
    (omega / "memory_bank/progress.md").write_text(text)
    with pytest.raises(NotWritten, match=r"memory_bank/progress\.md: line"):
        rendered(omega)


def test_a_page_that_leads_out_of_the_repository_is_refused(omega, tmp_path):
    (omega / "memory_bank").symlink_to(tmp_path)
    with pytest.raises(NotWritten, match="leads out of"):
        rendered(omega)


WORDS = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="<"), max_size=40
)


@given(WORDS, WORDS, WORDS, st.booleans())
def test_whatever_stands_around_a_region_stays(before, ours, theirs, edited):
    page = updated(before, "t", {"a": Region("a", "## A", ours)}).text
    assert page.startswith(before.rstrip()) or not before.strip()
    if edited:
        begin, end, _, _ = found(page)["a"]
        inside = f"<!-- xnai:begin a {digest(ours)} -->\n{theirs}\n<!-- xnai:end a -->"
        page = page[:begin] + inside + page[end:]
    again = updated(page, "t", {"a": Region("a", "## A", ours + "!")})
    if edited and digest(theirs) != digest(ours):
        assert again.text == page
        assert set(again.proposals) == ({"a"} if digest(theirs) != digest(ours + "!") else set())
    else:
        assert ours.strip() + "!" in again.text or digest(ours + "!") in again.text
        assert not again.proposals


def test_a_cell_without_a_source_is_not_known():
    products, features = request.matrix()
    text = request.industry()
    cells = sum(len(one) for one in features.values())
    assert text.count("not known |") + text.count("not known\n") >= len(features)
    for one in features.values():
        for cell in one.values():
            assert cell.source and re.fullmatch(r"\d{4}-\d{2}-\d{2}", cell.date)
            assert cell.seen_by in ("reading", "trying")
    table = [line for line in text.splitlines() if line.startswith("| ")]
    known = sum(bool(re.search(r" \[\d+\]", cell)) for line in table for cell in line.split(" | "))
    assert known == cells and len(products) == 8


def test_measurements_name_nobody_unless_wanted(tmp_path):
    data = {"looked": [{"scope": "stack on laptop", "roots": [], "blind": [], "well": [
        "laptop at 192.168.1.7, /home/anna/x, password=hunter22", "redis auth WRONGPASS"]}]}
    assert measure.keep_triage(tmp_path, "host-1", "t1", data, ["laptop", "anna"])
    text = (tmp_path / "_meta/xnai/triage/host-1/t1.json").read_text()
    for word in ("laptop", "192.168.1.7", "anna", "hunter22"):
        assert word not in text
    # The same again is no new measurement.
    assert not measure.keep_triage(tmp_path, "host-1", "t2", data, ["laptop", "anna"])
    assert measure.shown_names(["b", "@local"], masked=True) == {"@local": "host-1", "b": "host-2"}
    assert measure.shown_names(["../x"], masked=False) == {"../x": "_x"}


def test_an_audit_is_kept_once_and_says_no_place_of_this_machine(omega):
    (omega / "Makefile").write_text("all:\n\techo redis-cli -a hunter22\n")
    assert measure.keep_audit(omega, "2026-12-01T000000Z", Names())
    text = (omega / "_meta/xnai/audit/2026-12-01T000000Z.json").read_text()
    assert str(omega) not in text and '"text"' not in text
    assert not measure.keep_audit(omega, "2026-12-02T000000Z", Names())
    write(omega, rendered(omega))
    assert not measure.keep_audit(omega, "2026-12-03T000000Z", Names())
    assert set(AUDITED) <= set(json.loads(text)) and JUDGED["looked"]


def test_the_command(omega):
    words = ["report", "--repository", str(omega), "--no-measure"]
    shown = CliRunner().invoke(main, [*words, "--diff"])
    assert shown.exit_code == 0 and "+## Phase 5: zram" in shown.output
    assert git(omega, "status", "--porcelain") == ""
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0 and "memory_bank/progress.md: written" in done.output
    assert CliRunner().invoke(main, words).output == "nothing to write\n"
    none = CliRunner().invoke(main, ["report", "--repository", str(omega.parent)])
    assert none.exit_code == 2 and "is no git checkout" in none.output


def test_pages_with_carriage_returns_stay_so_and_are_ours(omega):
    write(omega, rendered(omega))
    page = omega / "memory_bank/progress.md"
    page.write_bytes(page.read_bytes().replace(b"\n", b"\r\n"))
    assert rendered(omega) == []
    for file in (omega / "_meta/xnai/triage").rglob("*.json"):
        file.unlink()
    (change,) = [one for one in rendered(omega) if one.path == "memory_bank/progress.md"]
    assert not change.kept and change.after.count("\n") == change.after.count("\r\n")


def test_what_was_measured_cannot_look_like_a_mark(omega):
    file = omega / "_meta/xnai/triage/host-1/2026-11-30T090000Z.json"
    data = json.loads(file.read_text())
    data["looked"][0]["roots"][0]["cause"] = "<!-- xnai:end issues --> <!-- xnai:begin x 0 -->"
    file.write_text(json.dumps(data))
    write(omega, rendered(omega))
    assert rendered(omega) == []


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("audit/2026-12-01T000000Z.json", "{}", "no 'findings' in it"),
        ("audit/notes.json", json.dumps(AUDITED), "its name is no time, as 2026-11-30T080000Z"),
        ("triage/host-1/2026-12-01T000000Z.json", '{"looked": [{}]}', "no 'scope' in it"),
        ("baselines/host-1/2026-12-01T000000Z/baseline.json", "[]", "no JSON object"),
    ],
)
def test_json_of_another_shape_is_named(omega, path, text, said):
    file = omega / "_meta/xnai" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    (unreadable,) = read(omega).unreadable
    assert unreadable.endswith(said)
    write(omega, rendered(omega))
