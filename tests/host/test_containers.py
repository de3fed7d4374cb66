"""The stack's user, its delegation and its tools."""

from __future__ import annotations

import pytest

from tests.host.reading import read
from xnai.facts.containers import CONTROLLERS
from xnai.stack.paths import COMPOSE


@pytest.fixture(scope="module")
def found(host, settings):
    """The user's entries, its directories, and what systemd says of its manager."""
    user, home = settings.stack_user, f"/var/lib/xnai/{settings.stack_name}"
    return read(
        host,
        files=[
            "/etc/subuid", "/etc/subgid", f"/var/lib/systemd/linger/{user}",
            *(f"{home}{name}" for name in ("", "/build", "/stack")),
        ],
        commands={
            "passwd": f"getent passwd {user}",
            "shadow": f"getent shadow {user}",
            "group": f"id -gn {user}",
            "controllers": f"u=$(id -u {user}); cat /sys/fs/cgroup/user.slice/user-$u.slice/"
            "user@$u.service/cgroup.controllers",
            "compose": f"{COMPOSE}/bin/podman-compose --version",
            "oom": "systemctl show -p ManagedOOMMemoryPressure -p ManagedOOMSwap "
            f"user@$(id -u {user}).service",
            "dropins": f"systemctl show -P DropInPaths user@$(id -u {user}).service",
            "dropin": f"cat /etc/systemd/system/user@$(id -u {user}).service.d/90-xnai.conf",
            "reload": f"systemctl show -p NeedDaemonReload user@$(id -u {user}).service",
        },
    )


def test_stack_user_is_a_regular_user_with_a_locked_password(found, settings):
    _, _, uid, _, _, _, shell = found.out("passwd").split(":")
    assert 1000 <= int(uid) <= 60000
    if not settings.stack_user_explicit:
        assert found.out("shadow").split(":")[1].startswith("!")
        assert shell == "/usr/sbin/nologin"


def test_stack_user_has_subordinate_ids(found, settings):
    for path in ("/etc/subuid", "/etc/subgid"):
        lines = found.file(path).text.splitlines()
        counts = [int(x.split(":")[2]) for x in lines if x.startswith(f"{settings.stack_user}:")]
        assert sum(counts) >= 65536, path


def test_stack_user_lingers(found, settings):
    assert found.exists(f"/var/lib/systemd/linger/{settings.stack_user}")


def test_every_controller_is_delegated(found):
    assert set(CONTROLLERS) <= set(found.out("controllers").split())


def test_podman_compose_is_the_pinned_version(found):
    assert "podman-compose version 1.6.0" in found.out("compose")


def test_stack_directories_are_roots_and_the_stack_users_to_read(found, settings):
    for name in ("", "/build", "/stack"):
        directory = found.file(f"/var/lib/xnai/{settings.stack_name}{name}")
        assert (directory.mode, directory.user, directory.group) == (
            0o750, "root", found.out("group"),
        )


def test_oom_guard_spares_the_stack_where_asked(found, settings):
    if not settings.oom_exempt:
        return
    # "auto" is also what systemd says by itself, without our drop-in and without systemd-oomd: so
    # the drop-in must be there and must have been read, which is what counts when the guard comes.
    assert sorted(found.out("oom").splitlines()) == [
        "ManagedOOMMemoryPressure=auto", "ManagedOOMSwap=auto",
    ]
    uid = found.out("passwd").split(":")[2]
    dropin = f"/etc/systemd/system/user@{uid}.service.d/90-xnai.conf"
    assert dropin in found.out("dropins").split()
    lines = found.out("dropin").splitlines()
    assert {"ManagedOOMMemoryPressure=auto", "ManagedOOMSwap=auto"} <= set(lines)
    assert found.out("reload") == "NeedDaemonReload=no"
