"""The stack's user, its delegation and its tools."""

from __future__ import annotations

from tasks.containers import COMPOSE
from xnai.facts.containers import CONTROLLERS


def test_stack_user_is_a_regular_user_with_a_locked_password(host, settings):
    user = host.user(settings.stack_user)
    assert 1000 <= user.uid <= 60000
    if not settings.stack_user_explicit:
        assert user.password.startswith("!")
        assert user.shell == "/usr/sbin/nologin"


def test_stack_user_has_subordinate_ids(host, settings):
    for path in ("/etc/subuid", "/etc/subgid"):
        lines = host.file(path).content_string.splitlines()
        counts = [int(x.split(":")[2]) for x in lines if x.startswith(f"{settings.stack_user}:")]
        assert sum(counts) >= 65536, path


def test_stack_user_lingers(host, settings):
    assert host.file(f"/var/lib/systemd/linger/{settings.stack_user}").exists


def test_every_controller_is_delegated(host, settings):
    uid = host.user(settings.stack_user).uid
    path = f"/sys/fs/cgroup/user.slice/user-{uid}.slice/user@{uid}.service/cgroup.controllers"
    assert set(CONTROLLERS) <= set(host.file(path).content_string.split())


def test_podman_compose_is_the_pinned_version(host):
    output = host.check_output(f"{COMPOSE}/bin/podman-compose --version")
    assert "podman-compose version 1.6.0" in output


def test_stack_directories_are_roots_and_the_stack_users_to_read(host, settings):
    group = host.user(settings.stack_user).group
    for name in ("", "/build", "/stack"):
        directory = host.file(f"/var/lib/xnai/{settings.stack_name}{name}")
        assert (directory.mode, directory.user, directory.group) == (0o750, "root", group)


def test_oom_guard_spares_the_stack_where_asked(host, settings):
    uid = host.user(settings.stack_user).uid
    shown = host.check_output(
        f"systemctl show -p ManagedOOMMemoryPressure -p ManagedOOMSwap user@{uid}.service"
    ).splitlines()
    if settings.oom_exempt:
        assert sorted(shown) == ["ManagedOOMMemoryPressure=auto", "ManagedOOMSwap=auto"]
