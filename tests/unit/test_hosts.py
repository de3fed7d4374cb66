"""The inventory: this machine by default, or a hosts file, with sudo where it is needed."""

from __future__ import annotations

import pytest

from xnai.run import hosts


@pytest.fixture(autouse=True)
def _no_hosts_file_of_the_user(monkeypatch):
    monkeypatch.delenv("XNAI_HOSTS", raising=False)
    monkeypatch.setattr(hosts.os, "geteuid", lambda: 1000)


def groups(tmp_path, text: str):
    (tmp_path / "hosts.py").write_text(text)
    return hosts.groups(tmp_path)


@pytest.mark.parametrize(("euid", "data"), [(1000, {"_sudo": True}), (0, {})])
def test_this_machine_by_default(tmp_path, monkeypatch, euid, data):
    monkeypatch.setattr(hosts.os, "geteuid", lambda: euid)
    assert hosts.groups(tmp_path) == {"workstations": [("@local", data)]}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        # Nothing is known of the login: pyinfra's configuration of ssh decides.
        ("g = ['laptop']", {"g": [("laptop", {})]}),
        ("g = [('laptop', {'ssh_user': 'root'})]", {"g": [("laptop", {"ssh_user": "root"})]}),
        ("g = [('laptop', {'ssh_user': 'me'})]",
         {"g": [("laptop", {"ssh_user": "me", "_sudo": True})]}),
        ("g = (['a', ('b', {'ssh_user': 'root'})], {'ssh_user': 'me'})",
         {"g": ([("a", {"_sudo": True}), ("b", {"ssh_user": "root"})], {"ssh_user": "me"})}),
        ("g = [('laptop', {'ssh_user': 'me', '_sudo': False})]",
         {"g": [("laptop", {"ssh_user": "me", "_sudo": False})]}),
        ("g = (['a'], {'ssh_user': 'me', '_doas': True})",
         {"g": ([("a", {})], {"ssh_user": "me", "_doas": True})}),
        ("g = ['@local']", {"g": [("@local", {"_sudo": True})]}),
        ("import os\n_own = ['x']\nnumber = 1\ng = ['a']\nh = []", {"g": [("a", {})], "h": []}),
    ],
)
def test_hosts_file(tmp_path, text, wanted):
    assert groups(tmp_path, text) == wanted


def test_another_file_is_named_by_the_environment(tmp_path, monkeypatch):
    (tmp_path / "hosts.py").write_text("g = ['not this one']")
    (tmp_path / "other.py").write_text("g = ['a']")
    monkeypatch.setenv("XNAI_HOSTS", str(tmp_path / "other.py"))
    assert hosts.groups(tmp_path) == {"g": [("a", {})]}
    monkeypatch.setenv("XNAI_HOSTS", "")
    assert hosts.groups(tmp_path) == {"g": [("not this one", {})]}


def test_a_named_file_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setenv("XNAI_HOSTS", "/no/such.py")
    with pytest.raises(SystemExit) as failure:
        hosts.groups(tmp_path)
    assert failure.value.code == (
        f"XNAI_HOSTS = /no/such.py: no such file. Unset it to use {tmp_path}/hosts.py."
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("g = [", "does not load: SyntaxError: '[' was never closed"),
        ("g = [nobody]", "does not load: NameError: name 'nobody' is not defined"),
        ("", "no group with hosts. Write for example: workstations = ['laptop.lan']"),
        ("g = []", "no group with hosts."),
        ("g = ('laptop', 'desk')", "g is no group of hosts: a list of names or (name, data)"),
        ("g = [('laptop', 'me')]", "g is no group of hosts"),
        ("g = [1]", "g is no group of hosts"),
        ("g = (['a'], {}, 3)", "g = (['laptop.lan'], {'ssh_user': 'me'})"),
    ],
)
def test_a_broken_file_is_said(tmp_path, text, said):
    with pytest.raises(SystemExit) as failure:
        groups(tmp_path, text)
    assert str(failure.value.code).startswith(f"{tmp_path}/hosts.py")
    assert said in str(failure.value.code)


def test_what_was_read_is_not_changed(tmp_path):
    data = {"ssh_user": "me"}
    assert hosts._with_sudo([("a", data)]) == [("a", {"ssh_user": "me", "_sudo": True})]
    assert data == {"ssh_user": "me"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        # A list would be a group of hosts, and somebody's machine.
        ('crawler_allowed_domains = ["docs.example"]\ng = ["a"]', "crawler_allowed_domains"),
        ('vm_swappiness = 90\nllm_model_file = "/srv/m.gguf"\ng = ["a"]',
         "llm_model_file, vm_swappiness"),
    ],
)
def test_a_setting_that_is_no_hosts_is_refused(tmp_path, text, names):
    with pytest.raises(SystemExit) as failure:
        groups(tmp_path, text)
    said = str(failure.value.code)
    assert f"hosts.py: {names}: a setting stands here beside its host alone" in said
    assert "group_data/workstations.py" in said
