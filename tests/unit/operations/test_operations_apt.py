"""Installing packages, and waiting for whoever holds apt's locks."""

from __future__ import annotations

import itertools

import pytest
from operation_runs import commands, on_a_host
from pyinfra.api.exceptions import OperationError

from xnai.operations import apt

HOLDER = "PID 812 (unattended-upgr), user root"


def test_install():
    with on_a_host(executing=False):
        found = commands(apt.install, packages=["crun", "podman", "libstdc++6"], lock_timeout_s=60)
    install = (
        "DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends "
        "-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "
        "-o DPkg::Lock::Timeout=60 install crun podman libstdc++6"
    )
    mend = 'test -z "$(dpkg --audit)" || DEBIAN_FRONTEND=noninteractive dpkg --configure -a'
    assert found == [
        f"{apt.remember()} && {{ {mend}; }} && "
        f"{{ {install} || {{ apt-get -q update && {install}; }}; }}; "
        f"e=$?; {apt.note()} && exit $e"
    ]


@pytest.mark.parametrize("name", ["", "-y", "Podman", "a b", "x;id", "podman=5"])
def test_what_is_no_package_name(name):
    with on_a_host(), pytest.raises(OperationError, match="not names of Debian packages"):
        commands(apt.install, packages=["crun", name])


def test_nobody_is_asked_while_the_run_is_prepared():
    with on_a_host(executing=False) as host:
        commands(apt.install, packages=["crun"])
    assert host.logged == []


def test_a_free_lock_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(apt.time, "sleep", lambda seconds: pytest.fail("slept"))
    with on_a_host() as host:
        host.facts = [None]
        assert len(commands(apt.install, packages=["crun"])) == 1
    assert host.logged == []


def test_waits_saying_once_for_whom(monkeypatch):
    monkeypatch.setattr(apt.time, "sleep", lambda seconds: None)
    with on_a_host() as host:
        host.facts = [HOLDER, HOLDER, "PID 900 (apt-get), user root", None]
        assert len(commands(apt.install, packages=["crun"])) == 1
    assert host.logged == [
        f"waiting for apt, locked by {HOLDER} (at most 300 s)",
        "waiting for apt, locked by PID 900 (apt-get), user root (at most 300 s)",
    ]


def test_gives_up_naming_the_holder(monkeypatch):
    clock = itertools.count(0, 7)
    monkeypatch.setattr(apt.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(apt.time, "monotonic", lambda: next(clock))
    with on_a_host() as host:
        host.facts = [HOLDER] * 9
        with pytest.raises(OperationError) as failure:
            commands(apt.install, packages=["crun"], lock_timeout_s=20)
    assert str(failure.value) == (
        f"apt is locked by {HOLDER} after 20 s of waiting. "
        "Let it finish or stop it, then run this again; nothing was installed by this step."
    )
