"""Small trees, each of one kind of mistake or of one that is none: what is said of them, whole."""

from __future__ import annotations

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from xnai.audit import names
from xnai.audit.command import audit as command
from xnai.audit.engine import audit
from xnai.audit.options import Options

CASES = Path(__file__).parent / "cases"

# Advice that every service gets which is not hardened or pinned further.
ADVICE = {f"compose-lint:CL-{number}" for number in ("0003", "0006", "0007", "0019", "0026")}

KNOWN = {
    "audit_env_file_is_no_interpolation": {"warning compose_unset_variable compose.yaml:6"},
    "audit_env_template_elsewhere": set(),
    "audit_heredoc_never_clean": set(),
    "audit_overlays_from_a_program": set(),
    "audit_podman_extends_behind_profile": {"error compose_podman_extends_profile compose.yaml:6"},
    "audit_podman_ignores_more_keys": {
        f"warning compose_podman_ignored_key compose.yaml:{line}" for line in (5, 7, 8, 9, 10, 11,
                                                                               12)},
    "audit_podman_include_env_file": {"warning compose_podman_ignored_key compose.yaml:3"},
    "banner_groups": set(),
    "base_no_user": set(),
    "cache_mount_both": {"info docker_ignored_cache_mount Dockerfile:2"},
    "compose_file_missing": {"error make_compose_file_missing Makefile:4",
                             "error make_unknown_service Makefile:4"},
    "compose_short_image": {"warning compose_short_image docker-compose.yml:3",
                            "warning compose_short_image docker-compose.yml:5"},
    "console_script_lost": {"error docker_console_script_lost Dockerfile:7",
                            "info hadolint:DL3008 Dockerfile.base:2"},
    "console_script_lost_onlyuv": {"error docker_console_script_lost Dockerfile:7"},
    "credential_path": {f"info compose-lint:CL-0020 docker-compose.yml:{line}"
                        for line in (5, 6, 8)},
    "echo_names_danger": set(),
    "fix_no_final_newline": {
        "error docker_unquoted_specifier Dockerfile:2",
        "warning docker_short_image Dockerfile.last:1",
        "info hadolint:DL3013 Dockerfile:2", "info hadolint:DL3042 Dockerfile:2"},
    "guarded_script": set(),
    "info_in_recipe": set(),
    "limits_not_judged": set(),
    "local_base": {"info docker_short_image Dockerfile:1"},
    # The one that is real: 'deploy' calls what is not there.
    "makecmdgoals": {"error make_missing_file Makefile:20"},
    "memswap_ignored": {f"warning compose_podman_ignored_key docker-compose.yml:{line}"
                        for line in (7, 8, 9)},
    "missing_dir": {"info compose_missing_directory docker-compose.yml:4"},
    "one_cause_many": {"error make_shell_syntax Makefile:3"},
    "overlay": set(),
    "profile_env": set(),
    "python_in_recipe": {"error python_syntax Makefile:4",
                         "error make_variable_as_command Makefile:6"},
    "reset_null": set(),
}


@cache
def report(name: str):
    return audit(CASES / name, Options(cache=False))


def test_each_case_has_its_folder():
    assert sorted(KNOWN) == sorted(path.name for path in CASES.iterdir())


@pytest.mark.parametrize("name", KNOWN)
def test_what_is_said_of_it(name):
    found = report(name)
    assert found.unknown == ()
    assert {f"{one.severity} {one.rule} {one.path}:{one.line}"
            for one in found.findings if one.rule not in ADVICE} == KNOWN[name]


def test_a_torn_recipe_is_said_to_lack_its_backslashes():
    (one,) = report("one_cause_many").findings
    assert "lack the \\" in one.what and "6 of them" in one.what


def test_a_useless_mount_beside_the_right_one_costs_nothing():
    (one,) = report("cache_mount_both").findings
    assert "fetched again" not in one.what and "useless" in one.what


def test_banners_of_three_lines_are_groups():
    table = next(one for one in report("banner_groups").metrics if one.title == "Makefiles")
    assert dict(zip(table.header, table.rows[0], strict=True))["groups"] == "2"


def test_a_rule_that_judged_nothing_does_not_pass():
    found = report("limits_not_judged")
    assert found.results["compose_limits_sum"] == "not judged: no --ram-mib"
    assert any(cell == "921600" for table in found.metrics for row in table.rows for cell in row)


def test_what_hadolint_cannot_read_is_no_exit_code():
    done = CliRunner().invoke(
        command, [str(CASES / "audit_heredoc_never_clean"), "--no-cache", "--json"])
    assert (done.exit_code, json.loads(done.stdout)["unknown"]) == (0, [])


def fixes(name: str, root: Path) -> str:
    """The tree of a case in `root`, after its fixes."""
    shutil.copytree(CASES / name, root, dirs_exist_ok=True)
    diff = CliRunner().invoke(
        command, [str(root), "--no-tools", "--no-cache", "--fix-preview"]).stdout
    subprocess.run(["git", "apply", "-"], cwd=root, input=diff, text=True, check=True)
    return diff


def test_an_own_image_is_fixed_to_localhost(tmp_path):
    fixes("local_base", tmp_path)
    assert (tmp_path / "Dockerfile").read_text().startswith("FROM localhost/mystack-base:latest\n")


def test_a_file_without_a_final_newline_is_fixed(tmp_path):
    diff = fixes("fix_no_final_newline", tmp_path)
    assert diff.count("\\ No newline at end of file") == 3
    assert (tmp_path / "Dockerfile").read_text().endswith("\nUSER 1001")
    assert (tmp_path / "Dockerfile.last").read_text() == "FROM docker.io/library/python:3.12-slim"


def test_what_lies_behind_the_limit_is_not_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(names, "MAX_FILES", 3)
    (tmp_path / "aaa").mkdir()
    for number in range(5):
        (tmp_path / f"aaa/{number}").touch()
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/run.py").write_text("print(1)\n")
    (tmp_path / "Makefile").write_text(
        ".PHONY: t\nt:\n\tpython3 tests/run.py\n\tpython3 tests/gone.py\n")
    found = audit(tmp_path, Options(cache=False, tools=False))
    assert [f"{one.rule} {one.line}" for one in found.findings] == ["make_missing_file 4"]
    (why,) = [one.why for one in found.unknown]
    assert why == "more than 3 files; the rest was not looked at"
