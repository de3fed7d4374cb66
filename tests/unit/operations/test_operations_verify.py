"""The end of a run shows the result, and is no change."""

from __future__ import annotations

import pytest
from operation_runs import commands, on_a_host
from pyinfra.api.exceptions import OperationError

from xnai.operations import verify


@pytest.mark.parametrize(("executing", "times"), [(True, 1), (False, 0)])
def test_report(executing, times):
    shown = []
    with on_a_host(executing):
        assert commands(verify.report, show=lambda: shown.append(1)) == []
    assert len(shown) == times


def test_what_is_wrong_fails_the_run():
    def show():
        raise OperationError("not every service is healthy")

    with on_a_host(), pytest.raises(OperationError, match="not every service"):
        commands(verify.report, show=show)
