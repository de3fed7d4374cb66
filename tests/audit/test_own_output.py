"""What this project renders, and what it works with itself, before its own judge."""

from __future__ import annotations

from pathlib import Path

import pytest
from rendering import stack
from unit_settings import ROOT, make

from xnai.audit.engine import at_or_above, audit
from xnai.audit.options import Options
from xnai.stack.catalogue import build_inputs


@pytest.fixture(scope="module")
def rendered(tmp_path_factory) -> Path:
    """A tree like a host's: the compose files, and each image's build directory."""
    root = tmp_path_factory.mktemp("stack")
    settings = make(awq_image=True, ram_kib=64 * 1024 * 1024)
    for item in build_inputs(settings):
        folder = root / "build" / item.name
        for name, file in item.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(file.content)
        (folder / "Dockerfile").write_text(item.dockerfile)
    (root / "stack").mkdir()
    for file in stack(settings).files.values():
        (root / "stack" / file.name).write_text(file.text)
    return root


def test_rendered_output_is_clean(rendered):
    report = audit(rendered, Options(ram_mib=64 * 1024))
    assert report.unknown == ()
    assert [f"{one.path}:{one.line} {one.rule}" for one in at_or_above(
        report.findings, "warning")] == []
    # Advice that the settings decide about: processor shares, and Redis' digest (make pin). The
    # deploy makes the networks, before the first start.
    assert {one.rule for one in report.findings} <= {
        "compose-lint:CL-0026", "compose-lint:CL-0019", "compose_external_network"}


def test_it_was_judged_at_all(rendered):
    path = rendered / "stack/docker-compose.yml"
    good = path.read_text()
    try:
        path.write_text(good.replace("mem_limit:", "mem_limit: 1m\n    cap_add: [ALL]\n    x:", 1))
        assert at_or_above(audit(rendered, Options()).findings, "error")
    finally:
        path.write_text(good)


def test_own_makefile_and_scripts_are_clean():
    # Fixtures are bad on purpose, golden files lack their context.
    report = audit(ROOT, Options(exclude=("tests/*",)))
    assert report.unknown == ()
    assert [f"{one.path}:{one.line} {one.rule}" for one in at_or_above(
        report.findings, "warning")] == []
    assert len(report.metrics) > 0
