"""Misspelt names, through pyinfra's own loader: --data, a host's data, group_data files."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from unit_settings import ALL_PY

from xnai.run.context import current, problems
from xnai.run.inspect import Where, loaded
from xnai.run.pyinfra import HostFailed
from xnai.settings import layers

LISTS = "`xnai settings` lists all."
# The two that pyinfra itself makes: of the inventory file's name and of the connector's.
KNOWN = "Known groups: @local, all, inventory, lab, workstations."
NO_HOSTS = "Rename the file, or give the group hosts."


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A directory like the checkout: an inventory and group_data/all.py."""
    (tmp_path / "group_data").mkdir()
    shutil.copy(ALL_PY, tmp_path / "group_data/all.py")
    (tmp_path / "inventory.py").write_text('workstations = ["@local"]\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["pyinfra", "inventory.py", "deploy.py"])
    return tmp_path


def said(data: tuple[str, ...] = (), group_data: tuple[str, ...] = ()) -> list[str]:
    """What is wrong with the one host of the checkout in the working directory."""
    # pyinfra keeps a file's code by its name: the absolute one differs from test to test.
    where = Where(str(Path("inventory.py").absolute()), group_data, data)
    with loaded(where) as (hosts, _):
        (host,) = hosts
        return problems(host)


def test_nothing_is_wrong(checkout):
    assert said() == []


def test_misspelt_in_data(checkout):
    assert said(data=("zram_size_pct=150",)) == [
        "zram_size_pct (--data): no setting of that name; "
        f"did you mean zram_size_pct_of_ram? {LISTS}"
    ]


def test_like_no_setting_at_all(checkout):
    assert said(data=("qqqq=1",)) == [f"qqqq (--data): no setting of that name. {LISTS}"]


def test_misspelt_in_host_data(checkout):
    (checkout / "inventory.py").write_text('workstations = [("@local", {"redis_prot": 7000})]\n')
    assert said() == [
        "redis_prot (the inventory, host @local): no setting of that name; "
        f"did you mean redis_port? {LISTS}"
    ]


def test_misspelt_in_a_group_data_file(checkout):
    (checkout / "group_data/workstations.py").write_text("\n# why\nvm_swapiness = 100\n")
    assert said() == [
        "vm_swapiness (group_data/workstations.py:3): no setting of that name; "
        f"did you mean vm_swappiness? {LISTS}"
    ]


def test_a_group_data_file_of_no_group(checkout):
    (checkout / "group_data/workstation.py").write_text("vm_swappiness = 100\n")
    assert said() == [
        "group_data/workstation.py: no group of that name; did you mean workstations? "
        f"{KNOWN} {NO_HOSTS}"
    ]


def test_a_group_data_file_like_no_group(checkout):
    (checkout / "group_data/xyz.py").write_text("")
    assert said() == [f"group_data/xyz.py: no group of that name. {KNOWN} {NO_HOSTS}"]


def test_a_known_group_without_hosts_and_a_group_of_the_inventory_are_fine(checkout):
    (checkout / "inventory.py").write_text('desks = ["@local"]\n')
    (checkout / "group_data/workstations.py").write_text("vm_swappiness = 900\n")
    (checkout / "group_data/desks.py").write_text("vm_swappiness = 100\n")
    assert said() == []


def test_names_of_pyinfra_are_no_settings(checkout):
    (checkout / "inventory.py").write_text(
        'workstations = [("@local", {"_sudo": True, "ssh_user": "me", "ssh_port": 2222})]\n'
    )
    assert said() == []


def test_data_beats_host_beats_group_beats_all(checkout):
    (checkout / "group_data/workstations.py").write_text("redis_port = 1\nrag_api_port = 2\n")
    (checkout / "inventory.py").write_text(
        'workstations = [("@local", {"redis_port": 3, "vm_swappiness": 900})]\n'
    )
    assert [sentence.split(":")[0] for sentence in said(data=("vm_swappiness=901",))] == [
        "vm_swappiness = 901 (--data)",
        "redis_port = 3 (the inventory, host @local)",
        "rag_api_port = 2 (group_data/workstations.py",
    ]


def test_of_two_groups_the_one_that_pyinfra_lets_win(checkout):
    (checkout / "inventory.py").write_text('workstations = ["@local"]\nlab = ["@local"]\n')
    for port, group in enumerate(("workstations", "lab"), 7000):
        (checkout / f"group_data/{group}.py").write_text(f"redis_port = {port}\n")
    with loaded(Where(str(checkout / "inventory.py"))) as (hosts, _):
        (host,) = hosts
        values = [layer.values for layer in layers.layers(host) if "redis_port" in layer.values]
        assert [one["redis_port"] for one in values] == [7001, 7000, 6379]
        assert values[0]["redis_port"] == host.data.redis_port


def test_a_further_group_data_directory_is_named_with_its_line(checkout, monkeypatch):
    (checkout / "more").mkdir()
    (checkout / "more/all.py").write_text("# one\n# two\nzswap = 'on'\n")
    monkeypatch.setattr(sys, "argv", ["pyinfra", "inventory.py", "--group-data", "more"])
    assert said(group_data=("more",)) == ["zswap = 'on' (more/all.py:3): one of 'off', 'leave'"]
    monkeypatch.setattr(sys, "argv", ["pyinfra", "inventory.py", "--group-data=more"])
    assert said(group_data=("more",)) == ["zswap = 'on' (more/all.py:3): one of 'off', 'leave'"]


def test_everything_at_once_and_nothing_is_read_from_the_host(checkout):
    (checkout / "group_data/workstation.py").write_text("")
    where = Where(
        str(checkout / "inventory.py"), (), ("zram_size_pct_of_ram=900", "redis_prot=1")
    )
    with loaded(where) as (hosts, _):
        (host,) = hosts
        with pytest.raises(HostFailed) as failure:
            current(host)
    head, *rest = str(failure.value).splitlines()
    assert head == "wrong settings, nothing was changed:"
    assert [sentence.split(" ")[0] for sentence in rest] == [
        "group_data/workstation.py:", "redis_prot", "zram_size_pct_of_ram",
    ]


def test_given_twice(checkout):
    (checkout / "group_data/workstations.py").write_text(
        "redis_port = 7000\n"
        "service_sources = {\n    'rag_api': {},\n    'rag_api': {},\n}\n"
        "redis_port = 7001\n"
    )
    last = "Python would take the last one without a word. Keep one of them."
    found = said()
    assert (
        f"'redis_port' (group_data/workstations.py:6): given before in line 1; {last}"
    ) in found
    assert f"'rag_api' (group_data/workstations.py:4): given before in line 3; {last}" in found


def test_a_value_built_in_steps_is_not_given_twice(checkout):
    (checkout / "group_data/workstations.py").write_text(
        "crawler_allowed_domains = ['a.example']\n"
        "crawler_allowed_domains = [*crawler_allowed_domains, 'b.example']\n"
        "redis_port = {1: 7000, '1': 7001}[1]\n"
    )
    assert said() == []


def test_settings_that_were_not_read_at_all(checkout):
    """As in another directory: everything would be its default, and another stack's."""
    (checkout / "group_data/all.py").unlink()
    (said_,) = said()
    assert said_.startswith(f"group_data/all.py was not read (looked in {checkout}/group_data)")


def test_a_further_directory_that_is_not_there(checkout, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["pyinfra", "--group-data", "/no/such", "inventory.py"])
    assert said() == ["--group-data /no/such: no such directory; nothing of it was read"]
