"""Proxy and credentials: read from files of root's alone, and never shown."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys

import pytest

from xnai.programs.backup import safe_path
from xnai.programs.backup.process import Failed
from xnai.programs.network import host as program
from xnai.programs.network.bundle import bundle
from xnai.programs.network.spec import NetworkSpec, parse

PASSWORD = "p@ss: 'w/0$d"  # noqa: S105
NETRC = f"""# for the proxy
machine proxy.example login anna password "{PASSWORD}"
machine index.example
  login bob
  password plain
"""


@pytest.fixture(autouse=True)
def _root_owns_it(monkeypatch):
    """The tests' own folders are not root's alone."""
    monkeypatch.setattr(safe_path, "require_safe_directory", lambda *_: None)
    if os.getuid() != 0:
        pytest.skip("only root owns what root's files are tested with")


def spec(tmp_path, **changes):
    file = tmp_path / "netrc"
    file.write_text(NETRC)
    file.chmod(0o600)
    values = {
        "proxy_url": "http://proxy.example:3128", "exceptions": ("10.0.2.2", ".lan"),
        "netrc_file": str(file), "auth_file": "", "user": "root",
    }
    return NetworkSpec(**(values | changes))


def test_the_proxys_address_has_its_credentials(tmp_path):
    found = program.environment(spec(tmp_path))
    address = "http://anna:p%40ss%3A%20%27w%2F0%24d@proxy.example:3128"
    assert found == {
        "http_proxy": address, "HTTP_PROXY": address, "https_proxy": address,
        "HTTPS_PROXY": address, "no_proxy": "localhost,127.0.0.1,::1,10.0.2.2,.lan",
        "NO_PROXY": "localhost,127.0.0.1,::1,10.0.2.2,.lan",
    }
    # A shell reads back what was written.
    done = subprocess.run(
        ["sh", "-c", program.exports(spec(tmp_path)) + 'printf "%s" "$https_proxy"'],
        capture_output=True, text=True, check=True,
    )
    assert done.stdout == address


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"proxy_url": ""}, {}),
        ({"netrc_file": ""}, "http://proxy.example:3128"),
        ({"proxy_url": "http://other.example:1"}, "http://other.example:1"),
    ],
)
def test_without_credentials_or_proxy(changes, expected, tmp_path):
    found = program.environment(spec(tmp_path, **changes))
    assert (found.get("https_proxy", {})) == expected


def test_apt_needs_http_named(tmp_path):
    """apt_auth.conf(5): an entry without a scheme is for https alone."""
    assert "machine http://index.example\nlogin bob\npassword plain\n" in (
        program.apt_credentials(spec(tmp_path))
    )


def test_what_is_laid_ready_is_for_root_and_the_users_group_alone(tmp_path):
    directory = tmp_path / "ready"
    directory.mkdir()
    (directory / "left by a killed run").touch()
    program.lay_ready(spec(tmp_path), directory)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o750
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}
    assert modes == dict.fromkeys(("environment", "netrc", "apt.conf", "auth.json"), 0o640)
    assert json.loads((directory / "auth.json").read_text()) == {"auths": {}}
    assert (directory / "netrc").read_text() == NETRC


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        (NETRC, 0o644, "must be a plain file of root's that nobody else may read"),
        (f"machine proxy.example logon {PASSWORD}\n", 0o600, "line 1: not in netrc's format"),
        ("\n", 0o600, "its first line is empty"),
    ],
)
def test_a_file_that_is_no_secret_or_no_netrc_is_refused_without_its_words(
    text, mode, words, tmp_path
):
    asked = spec(tmp_path)
    (tmp_path / "netrc").write_text(text)
    (tmp_path / "netrc").chmod(mode)
    with pytest.raises(Failed, match=words) as refused:
        program.lay_ready(asked, tmp_path / "ready")
    assert PASSWORD not in str(refused.value)
    assert not (tmp_path / "ready").exists()


@pytest.mark.parametrize("text", ["{}", "[]", "no json", '{"auths": 1}'])
def test_registries_credentials_that_podman_could_not_read_are_refused(text, tmp_path):
    file = tmp_path / "auth.json"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(Failed, match=r"containers-auth\.json"):
        program.registries(spec(tmp_path, auth_file=str(file)))


def test_the_packed_program_says_nothing_where_it_fails(tmp_path):
    asked = spec(tmp_path, netrc_file=str(tmp_path / "absent"))
    assert parse(asked.text()) == asked
    packed = tmp_path / "network.pyz"
    packed.write_bytes(bundle(asked))
    done = subprocess.run(
        [sys.executable, "-I", "-B", packed, "exports"], capture_output=True, text=True,
        check=False,
    )
    assert done.returncode == 1 and done.stdout == ""
    assert "Nothing was changed" in done.stderr and "Traceback" not in done.stderr
