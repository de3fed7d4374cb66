"""Deferred changes: kept with the host, the latest of each component."""

from __future__ import annotations

from types import SimpleNamespace

from pyinfra.context import ctx_host

from xnai.run.pending import Deferred, defer, deferred


def test_deferred():
    one, other = SimpleNamespace(connector_data={}), SimpleNamespace(connector_data={})
    assert deferred(one) == []
    with ctx_host.use(one):
        defer("zram", "planned")
        defer("containers", "log out")
        defer("zram", "at run time")
    assert deferred(one) == [Deferred("containers", "log out"), Deferred("zram", "at run time")]
    assert deferred(other) == []
