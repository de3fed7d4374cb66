"""Machines under QEMU with Debian's own kernel."""

from __future__ import annotations

from tests.machines import add_options, new_machine

__all__ = ["new_machine"]


def pytest_addoption(parser):
    """Add the options of the machine fixtures."""
    add_options(parser)
