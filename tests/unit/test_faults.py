"""The list of faults that are seeded by hand fits the files that it is about."""

from __future__ import annotations

import pytest

from tests.faults import faults, wrong


@pytest.mark.parametrize("name", faults())
def test_it_can_still_be_seeded(name):
    assert wrong(name, faults()[name]) == ""
