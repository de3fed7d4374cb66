"""The report: what it shows, the page that needs nothing from elsewhere, and the files."""

from __future__ import annotations

import datetime
import json
import re

import pytest
from baseline_runs import lines, request
from click.testing import CliRunner
from unit_settings import make

from xnai.baseline import desktop
from xnai.baseline.bundle import NothingToMeasure, PhasePlan, command, make_spec
from xnai.baseline.model import read
from xnai.baseline.render import plots, tables, text
from xnai.baseline.run import earlier, report_tables, write
from xnai.baseline.summary import summary
from xnai.cli.command import main

BEGAN = datetime.datetime(2026, 11, 30, 8, 0, tzinfo=datetime.UTC)
RUN = read(lines(request(1, 2.0), request(2, 4.0)))


def found(**changes):
    return summary(RUN) | {"host": "laptop", "version": "1", "desktop": None} | changes


def test_the_files_of_a_run_and_the_comparison_with_the_one_before(tmp_path):
    first = write(tmp_path / "laptop", BEGAN, RUN, found(), "raw\n")
    assert {path.name for path in first.folder.iterdir()} == {
        "samples.jsonl", "baseline.json", "baseline.md", "baseline.html", "baseline.png",
    }
    assert "Compared" not in (first.folder / "baseline.md").read_text()
    later = write(
        tmp_path / "laptop", BEGAN + datetime.timedelta(hours=1), RUN, found(), "raw\n"
    )
    report = (later.folder / "baseline.md").read_text()
    assert "## Compared with the run before" in report and "2026-11-30T080000Z" in report
    assert "| none |" in report
    assert earlier(tmp_path / "laptop")[0] == "2026-11-30T090000Z"
    assert earlier(tmp_path / "other") is None


def test_a_report_is_the_same_for_the_same_run(tmp_path):
    for name in ("a", "b"):
        write(tmp_path / name, BEGAN, RUN, found(), "raw\n")
    files = [sorted((tmp_path / name).rglob("*.*")) for name in ("a", "b")]
    for one, other in zip(*files, strict=True):
        if one.is_file():
            assert one.read_bytes() == other.read_bytes(), one.name


def test_the_page_needs_nothing_from_elsewhere_and_is_small():
    page = text.page("t", "lead <b>", report_tables(found(), None), plots.svg(RUN))
    assert "default-src 'none'; style-src 'unsafe-inline'" in page
    assert len(page.encode()) < 300_000
    assert "<script" not in page and "lead &lt;b&gt;" in page
    # Only names of formats.
    addresses = set(re.findall(r"https?://[^\"'<> ]+", page))
    assert addresses <= {
        "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink",
        "http://purl.org/dc/elements/1.1/", "http://creativecommons.org/ns#",
        "http://www.w3.org/1999/02/22-rdf-syntax-ns#", "http://purl.org/dc/dcmitype/StillImage",
    }
    assert not re.search(r"(src|href)=\"(?!#)", page)


def test_what_was_not_measured_says_so():
    shown = tables.tables(found())
    (phases,) = [one for one in shown if one.title == "Phases"]
    assert phases.head == ("", "steady state", "load", "recovery")
    assert "cold start, model initialisation: not measured." in phases.note
    (pressure,) = [row for row in phases.body if row[0].startswith("cpu pressure, some")]
    assert set(pressure[1:]) == {"not known"}
    holders = tables.holders(None, "elsewhere")
    assert holders.note == "not measured: elsewhere."


def test_every_percentage_names_its_whole():
    words = [row[0] for one in report_tables(found(), None) for row in one.body]
    words += [word for one in report_tables(found(), None) for word in one.head]
    assert [word for word in words if "%" in word]
    for word in words:
        if "%" in word:
            assert "% of the phase's time" in word


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [(10, 15, "+50 %"), (0, 3, "+3.0"), (2, 2, "none"), (None, 2, "not known")],
)
def test_a_change(before, now, said):
    assert tables._change(before, now)[2] == said


def test_a_cell_that_would_end_a_row():
    rows = tables.Rows("t", ("a",), (("x|y\nz",),))
    assert "| x\\|y z |" in text.markdown("t", "l", [rows], "p.png")


def test_whose_memory_editors_and_browsers_hold(monkeypatch):
    class Process:
        def __init__(self, name, uss):
            self.info = {"name": name}
            self._uss = uss

        def memory_full_info(self):
            if self._uss is None:
                raise desktop.psutil.AccessDenied()
            return type("M", (), {"uss": self._uss})

        def memory_info(self):
            return type("M", (), {"rss": 9 << 20, "shared": 4 << 20})

    monkeypatch.setattr(desktop.psutil, "process_iter", lambda _: [
        Process("code", 100 << 20), Process("code", None), Process("firefox-esr", 50 << 20),
        Process("bash", 1 << 30), Process(None, 1 << 30),
    ])
    assert desktop.holders() == [
        {"name": "code", "kind": "editor", "processes": 2, "mib": 105.0},
        {"name": "firefox-esr", "kind": "browser", "processes": 1, "mib": 50.0},
    ]


def test_what_the_host_is_told():
    spec = make_spec(make(), PhasePlan(True, 60, 15, 30))
    assert spec["url"] == "http://127.0.0.1:8000/query"
    assert "xnai_redis" in spec["containers"] and spec["unit"] == "xnai-stack.service"
    assert "python3 -I -B" in str(command(spec))
    assert json.dumps(spec)


def test_no_requests_where_the_api_is_not_published(monkeypatch):
    from dataclasses import replace

    from xnai.baseline import bundle
    from xnai.stack.catalogue import services

    silent = [
        replace(one, published_port=None) if one.name == "rag_api" else one
        for one in services(make())
    ]
    monkeypatch.setattr(bundle, "services", lambda settings: tuple(silent))
    with pytest.raises(NothingToMeasure, match="--requests 0"):
        make_spec(make(), PhasePlan(False, 60, 1, 30))
    assert make_spec(make(), PhasePlan(False, 60, 0, 30))["requests"] == 0


def test_a_cold_start_wants_a_word():
    run = CliRunner().invoke(main, ["baseline", "--cold"])
    assert run.exit_code == 2 and "say --yes as well" in run.output
